/** Brings a session's new secret back to the browser whose request was answered with it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Actor } from '../actor.ts';
import type { SessionService } from '../user/session.service.ts';
import { sessionCookieOf } from '../user/session-cookie.ts';
import { createSignInAnswers } from './sign-in-answers.ts';

/** Renews what is due. Gives what renews at any other moment until the answer is sent; null without a session. */
export type Renewal = (
  actor: Actor,
  request: IncomingMessage,
  response: ServerResponse,
) => Promise<(() => Promise<void>) | null>;

export function createRenewal(parts: { sessions: SessionService; isSecure: boolean }): Renewal {
  const { sessions, isSecure } = parts;
  const { keepSession } = createSignInAnswers(isSecure);
  return async (actor, request, response) => {
    if (actor.kind !== 'user' || actor.credential.kind !== 'session') return null;
    let secret = sessionCookieOf(request, { isSecure });
    const renew = async () => {
      const session = secret === null ? null : await sessions.renew(secret);
      if (!session || response.headersSent) return;
      secret = session.secret;
      keepSession(request, response, session);
    };
    if (actor.credential.isRenewalDue) await renew();
    return renew;
  };
}
