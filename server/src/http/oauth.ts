/** What every endpoint of OAuth shares: forms in, and refusals as `{ error, error_description }` (RFC 6749 §5.2). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError, ERRORS } from '@easel/schema/errors';
import { answerJson, setRetryAfter } from './answer.ts';
import type { AuthRoutes, PostRoute } from './post-routes.ts';

const MAX_BODY_BYTES = 16_384;

/** What OAuth calls a refusal, with its status. */
export class OauthError extends Error {
  readonly error: string;
  readonly status: number;

  constructor(error: string, message: string, status = 400) {
    super(message);
    this.error = error;
    this.status = status;
  }
}

export function createOauthRoutes(
  routes: Record<string, PostRoute>,
  { onError }: { onError: (err: unknown) => void },
): AuthRoutes {
  return (request, response) => {
    const path = request.url?.split('?', 1)[0] ?? '';
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    if (!route) return false;
    if (request.method !== 'POST') {
      response.setHeader('allow', 'POST');
      answerOauth(response, new OauthError('invalid_request', 'expected a POST', 405));
      return true;
    }
    route(request, response).catch((err: unknown) => {
      if (!(err instanceof OauthError) && !(err instanceof AppError && ERRORS[err.code].kind !== 'bug')) onError(err);
      answerOauth(response, err);
    });
    return true;
  };
}

export async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  if (!/^application\/x-www-form-urlencoded\b/i.test(request.headers['content-type'] ?? '')) {
    throw new OauthError('invalid_request', 'expected content-type: application/x-www-form-urlencoded');
  }
  let text = '';
  for await (const chunk of request as AsyncIterable<Buffer>) {
    text += chunk.toString('latin1');
    if (text.length > MAX_BODY_BYTES)
      throw new OauthError('invalid_request', `a body has at most ${MAX_BODY_BYTES} bytes`, 413);
  }
  const form = new URLSearchParams(text);
  for (const name of form.keys()) {
    if (form.getAll(name).length > 1) throw new OauthError('invalid_request', `${name} is there twice`);
  }
  return form;
}

function answerOauth(response: ServerResponse, err: unknown): void {
  const { error, message, status } = oauthOf(err);
  if (error === 'invalid_client') response.setHeader('www-authenticate', 'Basic realm="easel"');
  if (err instanceof AppError) setRetryAfter(response, err.details);
  answerJson(response, status, { error, error_description: message });
}

function oauthOf(err: unknown): { error: string; message: string; status: number } {
  if (err instanceof OauthError) return { error: err.error, message: err.message, status: err.status };
  if (!(err instanceof AppError) || ERRORS[err.code].kind === 'bug') {
    return { error: 'server_error', message: 'internal error', status: 500 };
  }
  const { code, message } = err;
  if (code === 'UNAUTHENTICATED') return { error: 'invalid_client', message, status: 401 };
  if (code === 'FORBIDDEN' || code === 'INVALID_INPUT') return { error: 'invalid_scope', message, status: 400 };
  return { error: 'temporarily_unavailable', message, status: ERRORS[code].http };
}
