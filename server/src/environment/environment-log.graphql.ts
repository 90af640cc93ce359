/** An environment's log: a page of it, or what comes as it comes. */
import { SETTLED_PHASES } from '@easel/schema/states/environment';
import { z } from 'zod';
import type { Actor } from '../actor.ts';
import { builder } from '../api/builder.ts';
import { LogStreamEnum } from '../api/enums.ts';
import type { RequestContext } from '../context.ts';
import { liveStream } from '../live/stream.ts';
import { parseCursor, type ReadLine } from '../log/log-reader.ts';
import type { EnvironmentRow } from './environment-row.ts';

interface LogChunk {
  lines: ReadLine[];
  cursor: string;
  hasEnded: boolean;
}

const LogLineType = builder.objectRef<ReadLine>('LogLine').implement({
  fields: (t) => ({
    cursor: t.exposeString('cursor'),
    at: t.field({ type: 'DateTime', resolve: ({ at }) => new Date(at) }),
    source: t.exposeString('source', { description: "A step's name, `container:<name>` or `worker`." }),
    stream: t.expose('stream', { type: LogStreamEnum }),
    text: t.exposeString('text'),
  }),
});

const LogChunkType = builder.objectRef<LogChunk>('LogChunk').implement({
  fields: (t) => ({
    lines: t.expose('lines', { type: [LogLineType], complexity: { field: 1, multiplier: 1 } }),
    cursor: t.exposeString('cursor', { nullable: true, description: 'The next `after`.' }),
    hasEnded: t.exposeBoolean('hasEnded', { description: 'This was all, and no more will come in this generation.' }),
  }),
});

const DEFAULT_LINES = 500;
const MAX_LINES = 5000;

/** Before the first line of the first start. */
const BEGINNING = { generation: 1, line: -1 };

const sourceSchema = z.string().max(120);

async function readChunk(
  context: RequestContext,
  row: EnvironmentRow,
  wish: { after: string | null; first: number; source: string | null },
): Promise<LogChunk & { hasMore: boolean }> {
  const after = wish.after === null ? BEGINNING : parseCursor(wish.after);
  const page = await context.services.logs.read(row.id, { after, maxLines: wish.first, source: wish.source });
  const { lines, cursor, hasMore } = page;
  return { lines, cursor, hasMore, hasEnded: !hasMore && row.connectivity === 'none' && isOver(row) };
}

function isOver(row: EnvironmentRow): boolean {
  return row.phase === 'deleting' || (SETTLED_PHASES.has(row.phase) && row.phase !== 'running');
}

async function mustFind(context: RequestContext, actor: Actor, id: string): Promise<EnvironmentRow> {
  return context.services.environments.get(actor, id, 'inspect');
}

builder.queryField('environmentLog', (t) =>
  t.field({
    type: LogChunkType,
    authScopes: { user: true },
    args: {
      id: t.arg.id({ required: true, description: 'Id or name.' }),
      after: t.arg.string({ description: 'Cursor of the last line already had.' }),
      first: t.arg.int({ validate: z.number().int().min(1).max(MAX_LINES) }),
      source: t.arg.string({ validate: sourceSchema }),
    },
    resolve: async (_root, { id, after, first, source }, context) => {
      const row = await mustFind(context, context.actor, id);
      return readChunk(context, row, { after: after ?? null, first: first ?? DEFAULT_LINES, source: source ?? null });
    },
  }),
);

builder.subscriptionField('environmentLog', (t) =>
  t.field({
    type: LogChunkType,
    authScopes: { user: true },
    description: 'What is there after `after`, then what comes. Goes on through later starts until it is closed.',
    args: {
      id: t.arg.id({ required: true, description: 'Id or name.' }),
      after: t.arg.string(),
      source: t.arg.string({ validate: sourceSchema }),
    },
    subscribe: async (_root, { id, after, source }, context) => {
      const { id: environmentId } = await mustFind(context, context.actor, id);
      let cursor = after ?? null;
      let isFirst = true;
      return liveStream(context.live.log(environmentId), async () => {
        const chunks: LogChunk[] = [];
        for (let hasMore = true; hasMore; ) {
          const row = await mustFind(context, context.actor, environmentId);
          const chunk = await readChunk(context, row, { after: cursor, first: DEFAULT_LINES, source: source ?? null });
          hasMore = chunk.hasMore;
          cursor = chunk.cursor;
          if (chunk.lines.length > 0 || chunk.hasEnded || isFirst) chunks.push(chunk);
          isFirst = false;
        }
        return chunks;
      });
    },
    resolve: (chunk) => chunk as LogChunk,
  }),
);
