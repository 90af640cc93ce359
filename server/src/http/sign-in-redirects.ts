/** Where a browser goes that signs in elsewhere and comes back. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError, ERRORS } from '@easel/schema/errors';
import type { UserActor } from '../actor.ts';
import type { Authentication } from '../authentication.ts';

export function redirect(response: ServerResponse, location: string): void {
  response.writeHead(303, { location, 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' }).end();
}

/** To the sign-in page, or the one that is given, with one sentence about what went wrong. */
export function redirectProblem(
  response: ServerResponse,
  err: unknown,
  to: { onError: (err: unknown) => void; page?: string },
): void {
  const { onError, page = '/sign-in' } = to;
  const isKnown = err instanceof AppError && ERRORS[err.code].kind !== 'bug';
  if (!isKnown) onError(err);
  const problem = isKnown ? err.message : 'signing in failed: try again, or another way';
  redirect(response, `${page}?problem=${encodeURIComponent(problem)}`);
}

/** A path of this site, or the start: anything else could lead to a stranger's page. */
export function safePath(next: string | null): string {
  return next && /^\/(?![/\\])[^\s\\]{0,1000}$/.test(next) ? next : '/';
}

/** Who is signed in in the browser that asks. */
export async function userOf(authentication: Authentication, request: IncomingMessage): Promise<UserActor | null> {
  const actor = await authentication.ofRequest(request);
  return actor.kind === 'user' ? actor : null;
}

/** Back to where the walk began: to the page for signing in, or to the settings of whoever links an account. */
export async function redirectProblemToBeginning(
  request: IncomingMessage,
  response: ServerResponse,
  err: unknown,
  parts: { authentication: Authentication; onError: (err: unknown) => void },
): Promise<void> {
  const { authentication, onError } = parts;
  const actor = await userOf(authentication, request).catch(() => null);
  redirectProblem(response, err, { onError, ...(actor ? { page: '/settings/accounts' } : {}) });
}
