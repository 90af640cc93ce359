/** audit list, export, verify: with the server, or with files alone. */
import { createReadStream, createWriteStream } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ChainCheck } from '@easel/schema/audit-chain';
import { isErrorCode } from '@easel/schema/errors';
import { type AuditEntry, auditEntriesQuery, type Verified, verifyAuditQuery } from '../api/audit.ts';
import type { Page } from '../api/operation.ts';
import { reach } from '../api/reach.ts';
import { findConnection } from '../connection.ts';
import type { Context } from '../context.ts';
import { badUsage, CommandError } from '../failure.ts';
import { momentOf } from './moment.ts';

interface FilterOptions {
  actor?: string;
  action?: string;
  thing?: string;
  outcome?: string;
  from?: string;
  to?: string;
}

/** A page of the API. */
const PAGE_ENTRIES = 100;

/** The newest first. */
export async function listAudit(context: Context, options: FilterOptions & { limit: number }): Promise<void> {
  const { out } = context;
  const { limit, ...given } = options;
  const filter = filterOf(given);
  const api = await context.api();
  const entries: AuditEntry[] = [];
  let after: string | null = null;
  do {
    const variables = { filter, first: Math.min(limit - entries.length, PAGE_ENTRIES), after };
    const found: Page<AuditEntry> = await api.ask(auditEntriesQuery, variables, { isRepeatable: true });
    entries.push(...found.items);
    after = found.pageInfo.hasNextPage ? found.pageInfo.endCursor : null;
  } while (after !== null && entries.length < limit);
  out.json(entries);
  if (!out.isJson && entries.length === 0) out.note('no entries');
  if (entries.length > 0)
    out.table(
      ['AT', 'WHO', 'FROM', 'WHAT', 'THING', 'OUTCOME'],
      entries.map(({ at, actorLogin, actorKind, address, action, thingName, thingId, outcome }) => [
        at.replace(/\.\d+Z$/, 'Z'),
        actorLogin ?? actorKind,
        address ?? '-',
        action,
        thingName ?? thingId ?? '-',
        outcome,
      ]),
    );
}

/** Writes the log to a file, or to the standard output; a file that is not whole is taken away again. */
export async function exportAudit(
  { options: global, config, io, out }: Context,
  options: FilterOptions & { format: string; output?: string },
): Promise<void> {
  const { output, format, ...given } = options;
  const filter = filterOf(given);
  const { url, token } = await findConnection(global, config, io);
  const asked = new URL(`${url}/audit/export`);
  asked.search = new URLSearchParams({ format, ...filter }).toString();
  const headers = { authorization: `Bearer ${token}` };
  const answer = await reach(asked, { headers, signal: io.signal, hasLimit: false });
  if (!answer.ok || !answer.body) throw await refusalOf(answer);
  const isFile = output !== undefined;
  const target = isFile ? createWriteStream(output, { mode: 0o600 }) : io.stdout;
  try {
    await pipeline(Readable.fromWeb(answer.body as never), target, { end: isFile, signal: io.signal });
  } catch (cause) {
    io.signal.throwIfAborted();
    if (isFile) await rm(output, { force: true });
    throw new CommandError('API_UNREACHABLE', `the export was cut off: ${(cause as Error).message}`, {}, cause);
  }
  if (isFile) out.note(`written to ${output}`);
}

/** Walks through the chain: on the server, or of the objects and exports that are named. Fails at the first break. */
export async function verifyAudit(context: Context, options: { file?: readonly string[] }): Promise<void> {
  const { out } = context;
  const said = options.file
    ? await verifyFiles(options.file, context.io.signal)
    : await (await context.api()).ask(verifyAuditQuery);
  if (!said.isIntact) {
    const { brokenNumber, problem } = said;
    throw new CommandError('AUDIT_BROKEN', `the chain is broken at entry ${brokenNumber}: ${problem}`, { ...said });
  }
  out.json(said);
  out.line(`${said.entries} entries, each as it was when it was sealed`);
}

async function verifyFiles(paths: readonly string[], signal: AbortSignal): Promise<Verified> {
  const check = new ChainCheck();
  const files = (await Promise.all(paths.map(filesIn))).flat();
  if (files.length === 0) throw badUsage('expected files that end in .jsonl, there are none');
  for (const file of files) {
    check.begin(file);
    for await (const line of createInterface({ input: createReadStream(file, { signal }) })) check.take(line);
    check.end();
    if (check.broken) break;
  }
  const { entries, broken } = check;
  return { entries, isIntact: broken === null, brokenNumber: broken?.number ?? null, problem: broken?.why ?? null };
}

/** A file, or those below a folder in the order of the chain, which is that of their names. */
async function filesIn(path: string): Promise<string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const names = (await readdir(path, { recursive: true })).filter((name) => name.endsWith('.jsonl'));
    return names.sort().map((name) => join(path, name));
  } catch (err) {
    throw badUsage(`cannot read ${path}: ${(err as Error).message}`, err);
  }
}

function filterOf({ from, to, ...words }: FilterOptions): Record<string, string> {
  const moments = {
    ...(from === undefined ? {} : { from: momentOf(from, '--from') }),
    ...(to === undefined ? {} : { to: momentOf(to, '--to') }),
  };
  return { ...words, ...moments };
}

async function refusalOf(answer: Response): Promise<CommandError> {
  const body = (await answer.json().catch(() => ({}))) as { code?: unknown; message?: unknown };
  const message = typeof body.message === 'string' ? body.message : `the server answered ${answer.status}`;
  const code = typeof body.code === 'string' && isErrorCode(body.code) ? body.code : 'INTERNAL';
  return new CommandError(code, message);
}
