/**
 * `GET /audit/export?format=jsonl|csv&from=&to=&actor=&action=&thing=&outcome=`: the audit log as a file, for who may read it.
 * Streamed as fast as the reader takes it, and cut when the reader's right ends.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { AppError, ERRORS } from '@easel/schema/errors';
import { z } from 'zod';
import { unauthenticated } from '../actor.ts';
import type { AuditService } from '../audit/audit.service.ts';
import { FORMATS } from '../audit/export-format.ts';
import { type Authentication, credentialOf, scopeKeyOf } from '../authentication.ts';
import { parseInput } from '../parse-input.ts';
import { answerRefusal } from './answer.ts';
import { addressOf } from './device.ts';
import type { AuthRoutes } from './post-routes.ts';

const PATH = '/audit/export';
/** Each reads one object or one page at a time, and keeps the database busy. */
const MAX_AT_ONCE = 4;

const text = z.string().max(200).nullable().default(null);
const moment = z
  .union([z.iso.datetime({ offset: true }), z.iso.date()], { error: 'expected a day or a moment, like 2026-11-24' })
  .transform((when) => new Date(when))
  .nullable()
  .default(null);

const exportSchema = z.strictObject({
  format: z.enum(['jsonl', 'csv'], { error: 'expected jsonl or csv' }).default('jsonl'),
  from: moment,
  to: moment,
  actor: text,
  action: text,
  thing: text,
  outcome: text,
});

interface AuditExportParts {
  audit: AuditService;
  authentication: Authentication;
  isAllowedOrigin: (origin: string, request: IncomingMessage) => boolean;
  onError: (err: unknown) => void;
}

export function createAuditExport({ audit, authentication, isAllowedOrigin, onError }: AuditExportParts): AuthRoutes {
  let running = 0;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const actor = await authentication.ofRequest(request);
    if (actor.kind === 'anonymous') throw unauthenticated();
    const asked = new URL(request.url ?? '/', 'http://easel').searchParams;
    const { format, ...filter } = parseInput(
      exportSchema,
      Object.fromEntries([...asked].filter(([, value]) => value !== '')),
    );
    const lines = audit.export(actor, {
      format,
      filter,
      from: { address: addressOf(request), requestId: String(response.getHeader('x-request-id') ?? '') || null },
      async check() {
        const credential = credentialOf(actor);
        const good = await authentication.stillGood([credential]);
        if (good.get(credential) !== scopeKeyOf(actor)) throw unauthenticated();
      },
    });
    // Refused before there is an answer.
    const first = await lines.next();
    response.writeHead(200, {
      'content-type': FORMATS[format].contentType,
      'content-disposition': `attachment; filename="audit-${new Date().toISOString().slice(0, 10)}.${format}"`,
      'cache-control': 'no-store',
    });
    if (typeof first.value === 'string') response.write(first.value);
    await pipeline(Readable.from(lines, { highWaterMark: 1 }), response);
  }

  return (request, response) => {
    if (request.url?.split('?', 1)[0] !== PATH) return false;
    const { origin } = request.headers;
    if (request.method !== 'GET') {
      response.setHeader('allow', 'GET');
      answerRefusal(response, new AppError({ code: 'INVALID_INPUT', message: 'expected a GET' }), 405);
    } else if (origin !== undefined && !isAllowedOrigin(origin, request)) {
      answerRefusal(response, new AppError({ code: 'FORBIDDEN', message: 'this site may not read the audit log' }));
    } else if (running >= MAX_AT_ONCE) {
      answerRefusal(
        response,
        new AppError({ code: 'OVERLOADED', message: 'other exports are running: try again later' }),
      );
    } else {
      running += 1;
      answer(request, response)
        .catch((err: unknown) => {
          const isGone = response.destroyed || (err as NodeJS.ErrnoException).code === 'ERR_STREAM_PREMATURE_CLOSE';
          if (!isGone && !(err instanceof AppError && ERRORS[err.code].kind !== 'bug')) onError(err);
          answerRefusal(response, err);
        })
        .finally(() => {
          running -= 1;
        });
    }
    return true;
  };
}
