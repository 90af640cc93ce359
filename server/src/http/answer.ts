import type { ServerResponse } from 'node:http';
import { AppError, ERRORS } from '@easel/schema/errors';

/** Answers with JSON, or with nothing when there is no body. Never cached, unless a header says so already. */
export function answerJson(response: ServerResponse, status: number, body?: unknown): void {
  if (!response.hasHeader('cache-control')) response.setHeader('cache-control', 'no-store');
  if (body === undefined) {
    response.writeHead(status).end();
    return;
  }
  const text = JSON.stringify(body);
  response
    .writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'content-length': Buffer.byteLength(text) })
    .end(text);
}

/** `{ code, message }` with the status of the code; a bug is masked. */
export function answerRefusal(response: ServerResponse, err: unknown, status?: number): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const isKnown = err instanceof AppError && ERRORS[err.code].kind !== 'bug';
  const { code, message, details } = isKnown
    ? err
    : { code: 'INTERNAL' as const, message: 'internal error', details: {} as Record<string, unknown> };
  setRetryAfter(response, details);
  answerJson(response, status ?? ERRORS[code].http, { code, message });
}

/** Tells clients when to come back, where the refusal knows. */
export function setRetryAfter(response: ServerResponse, { retryAfterSeconds }: Record<string, unknown>): void {
  if (typeof retryAfterSeconds === 'number') response.setHeader('retry-after', String(retryAfterSeconds));
}
