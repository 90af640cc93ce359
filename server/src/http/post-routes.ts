/** Paths that take JSON by POST, so that a form of another site cannot send it; the Origin is checked besides. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError, ERRORS } from '@easel/schema/errors';
import { invalidInput } from '../parse-input.ts';
import { answerRefusal } from './answer.ts';
import { readBody } from './body.ts';

/** An answer of an authenticator with its certificates stays far below. */
const MAX_BODY_BYTES = 16_384;

export type PostRoute = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** True when the path was one of these. */
export type AuthRoutes = (request: IncomingMessage, response: ServerResponse) => boolean;

export function createPostRoutes(
  routes: Record<string, PostRoute>,
  parts: {
    isAllowedOrigin: (origin: string, request: IncomingMessage) => boolean;
    onError: (err: unknown) => void;
  },
): AuthRoutes {
  return (request, response) => {
    const path = request.url?.split('?', 1)[0] ?? '';
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    if (!route) return false;
    const { origin } = request.headers;
    if (request.method !== 'POST') {
      response.setHeader('allow', 'POST');
      answerRefusal(response, new AppError({ code: 'INVALID_INPUT', message: 'expected a POST' }), 405);
    } else if (origin !== undefined && !parts.isAllowedOrigin(origin, request)) {
      answerRefusal(response, new AppError({ code: 'FORBIDDEN', message: 'this site may not sign you in here' }));
    } else {
      route(request, response).catch((err: unknown) => {
        if (!(err instanceof AppError) || ERRORS[err.code].kind === 'bug') parts.onError(err);
        answerRefusal(response, err);
      });
    }
    return true;
  };
}

export async function readJson(request: IncomingMessage): Promise<unknown> {
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) {
    throw invalidInput([{ path: '', message: 'expected content-type: application/json' }]);
  }
  const text = await readBody(request, MAX_BODY_BYTES);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError({ code: 'INVALID_INPUT', message: 'expected JSON', cause });
  }
}
