/** What the relay answers to a dial that it refuses, as the error that it meant. */
import type { IncomingMessage } from 'node:http';
import { AppError, type ErrorCode, isErrorCode } from '@easel/schema/errors';

/** What is read of the body of a refusal. */
const refusalBytes = 4_096;

/** What a status means whose body says nothing, a proxy's for one. */
const codeOfStatus: Readonly<Record<number, ErrorCode>> = {
  400: 'INVALID_INPUT',
  401: 'TICKET_INVALID',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  429: 'RATE_LIMITED',
  502: 'PORT_CLOSED',
  503: 'WORKER_UNREACHABLE',
  504: 'TIMED_OUT',
};

/** The relay cannot be reached at all. */
export function relayUnreachable(url: string, cause: NodeJS.ErrnoException): AppError {
  const message = `cannot reach the relay at ${new URL(url).host}: ${cause.message || cause.code}`;
  return new AppError({ code: 'PLATFORM_UNAVAILABLE', message, cause });
}

/** The relay, or what stands before it, says nothing. */
export function relayTimedOut(timeoutMs: number): AppError {
  return new AppError({ code: 'TIMED_OUT', message: `the relay did not answer in ${timeoutMs} ms` });
}

/** A path of the relay at its address, which may have a path of its own. `protocol` is ws or http. */
export function relayAddress(base: string, path: string, protocol: 'ws' | 'http'): URL {
  const url = new URL(base);
  url.protocol = url.protocol.replace(/^(ws|http)/, protocol);
  url.pathname = url.pathname.replace(/\/+$/, '') + path;
  return url;
}

/** Never rejects: a body that ends early is judged by its status. */
export async function readRefusal(res: IncomingMessage): Promise<AppError> {
  let body = '';
  res.setEncoding('utf8');
  try {
    for await (const text of res) {
      body += text;
      if (body.length >= refusalBytes) break;
    }
  } catch {
    // The status says what there is to say.
  }
  const status = res.statusCode ?? 0;
  const said = parseRefusal(body);
  const retryAfterSeconds = Number(res.headers['retry-after']);
  return new AppError({
    code: said.code ?? codeOfStatus[status] ?? 'PLATFORM_UNAVAILABLE',
    message: said.message ?? `the relay answered with HTTP ${status}`,
    ...(retryAfterSeconds > 0 ? { details: { retryAfterMs: retryAfterSeconds * 1000 }, retryable: true } : {}),
  });
}

function parseRefusal(body: string): { code?: ErrorCode; message?: string } {
  try {
    const { code, message } = JSON.parse(body) as { code?: unknown; message?: unknown };
    return {
      ...(isErrorCode(code) ? { code } : {}),
      ...(typeof message === 'string' ? { message: message.slice(0, 500) } : {}),
    };
  } catch {
    return {};
  }
}
