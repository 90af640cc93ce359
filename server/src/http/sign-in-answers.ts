/** How a sign-in comes back to the browser: as the cookie of a session, or as that of a half-open sign-in and its next step. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { HALF_OPEN_SECONDS, type Opened } from '../second-factor/local-sign-in.ts';
import { newSecret } from '../secrets.ts';
import { hostCookie, hostCookieOf, sessionCookies } from '../user/session-cookie.ts';
import { answerJson } from './answer.ts';

const HALF_OPEN = 'easel_half_open';

/** A session that was opened, or whose secret was made anew. */
type Kept = Parameters<typeof sessionCookies>[0];

export function createSignInAnswers(isSecure: boolean) {
  /** What this browser is half-way in by; null when it is not. */
  const halfOpenOf = (request: IncomingMessage) => hostCookieOf(request, HALF_OPEN, { isSecure });

  /** Never sent along from another site: nobody comes back from one in the middle of it. */
  const halfOpenCookie = (secret: string, maxAgeSeconds: number) =>
    hostCookie(HALF_OPEN, secret, { isSecure, maxAgeSeconds, sameSite: 'Strict' });

  /** The browser keeps the session, and forgets what came before it. */
  function keepSession(request: IncomingMessage, response: ServerResponse, session: Kept): void {
    const kept = sessionCookies(session, { isSecure });
    response.setHeader('set-cookie', halfOpenOf(request) === null ? kept : [...kept, halfOpenCookie('', 0)]);
  }

  function answerOpened(request: IncomingMessage, response: ServerResponse, opened: Opened): void {
    if ('session' in opened) {
      keepSession(request, response, opened.session);
      answerJson(response, 204);
      return;
    }
    const { halfOpen, step, ways } = opened;
    response.setHeader('set-cookie', halfOpenCookie(halfOpen, HALF_OPEN_SECONDS));
    answerJson(response, 200, { step, ways });
  }

  /** The same, or a new one: a challenge is answered by the browser that asked for it. */
  function halfOpenFor(request: IncomingMessage, response: ServerResponse): string {
    const known = halfOpenOf(request);
    if (known !== null) return known;
    const secret = newSecret();
    response.setHeader('set-cookie', halfOpenCookie(secret, HALF_OPEN_SECONDS));
    return secret;
  }

  return { answerOpened, keepSession, halfOpenFor, halfOpenOf };
}
