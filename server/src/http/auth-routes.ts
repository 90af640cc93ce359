/**
 * `/auth/*`: what a browser signs in and out with.
 *
 *   POST /auth/sign-in   { login, password } or { code }   → 204 and the session cookie, or 200 { step, ways }
 *   POST /auth/invitation { code }                          → 200 { name, email, invitedBy, expiresAt }
 *   POST /auth/join { code, login, name, password }         → the same as a sign-in, of the new user
 *   GET  /auth/forgot                                        → 200 { isOffered }
 *   POST /auth/forgot { who }                               → 202, whoever that is; a link is mailed
 *   POST /auth/reset { code, password }                     → 204, the password is set; nobody is signed in
 *   POST /auth/sign-out                                     → 204, the session is ended
 *
 * A `step` is what comes after the password: see second-factor-routes.ts. Refusals are `{ code, message }` with the status of
 * the code.
 */
import type { IncomingMessage } from 'node:http';
import { z } from 'zod';
import { languageOfBrowser } from '../mail/language.ts';
import { parseInput } from '../parse-input.ts';
import type { LocalSignIn } from '../second-factor/local-sign-in.ts';
import type { ForgotPasswordService } from '../user/forgot-password.service.ts';
import type { InvitationService } from '../user/invitation.service.ts';
import type { SessionService } from '../user/session.service.ts';
import { sessionCookie, sessionCookieOf } from '../user/session-cookie.ts';
import { answerJson } from './answer.ts';
import { deviceOf } from './device.ts';
import { type AuthRoutes, createPostRoutes, type PostRoute, readJson } from './post-routes.ts';
import { createSignInAnswers } from './sign-in-answers.ts';

const signInSchema = z.union(
  [
    z.strictObject({ code: z.string().min(1).max(200) }),
    z.strictObject({ login: z.string().min(1).max(200), password: z.string().min(1).max(200) }),
  ],
  { error: 'expected { login, password } or { code }' },
);

const text = z.string().min(1).max(200);
const invitationSchema = z.strictObject({ code: text });
const forgotSchema = z.strictObject({ who: text });
const resetSchema = z.strictObject({ code: text, password: text });
const joinSchema = z.strictObject({ code: text, login: text, name: text, password: text });

export interface AuthRoutesParts {
  sessions: SessionService;
  localSignIn: LocalSignIn;
  invitations: InvitationService;
  forgotPassword: ForgotPasswordService;
  /** Of other files, for the same server. */
  others: Record<string, PostRoute>;
  isSecure: boolean;
  isAllowedOrigin: (origin: string, request: IncomingMessage) => boolean;
  onError: (err: unknown) => void;
}

export function createAuthRoutes(parts: AuthRoutesParts): AuthRoutes {
  const { sessions, invitations, forgotPassword, localSignIn, isSecure } = parts;
  const { answerOpened } = createSignInAnswers(isSecure);
  const routes: Record<string, PostRoute> = {
    async '/auth/sign-in'(request, response) {
      const given = parseInput(signInSchema, await readJson(request));
      const from = deviceOf(request);
      answerOpened(
        request,
        response,
        'code' in given ? await localSignIn.withCode(given.code, from) : await localSignIn.withPassword(given, from),
      );
    },
    async '/auth/invitation'(request, response) {
      const { code } = parseInput(invitationSchema, await readJson(request));
      answerJson(response, 200, await invitations.show(code, deviceOf(request)));
    },
    async '/auth/join'(request, response) {
      const { code, ...given } = parseInput(joinSchema, await readJson(request));
      const from = deviceOf(request);
      const userId = await invitations.join(code, given, from);
      answerOpened(request, response, await localSignIn.next(userId, from, 'password'));
    },
    async '/auth/forgot'(request, response) {
      const { who } = parseInput(forgotSchema, await readJson(request));
      const language = languageOfBrowser(request.headers['accept-language']);
      forgotPassword.ask(who, { ...deviceOf(request), language });
      answerJson(response, 202);
    },
    async '/auth/reset'(request, response) {
      const { code, password } = parseInput(resetSchema, await readJson(request));
      await forgotPassword.reset(code, { password }, deviceOf(request));
      answerJson(response, 204);
    },
    async '/auth/sign-out'(request, response) {
      const secret = sessionCookieOf(request, { isSecure });
      if (secret !== null) await sessions.signOut(secret);
      response.setHeader('set-cookie', sessionCookie('', { isSecure, maxAgeSeconds: 0 }));
      answerJson(response, 204);
    },
    ...parts.others,
  };
  const post = createPostRoutes(routes, parts);
  return (request, response) => {
    if (request.method !== 'GET' || request.url?.split('?', 1)[0] !== '/auth/forgot') return post(request, response);
    answerJson(response, 200, { isOffered: forgotPassword.isOffered });
    return true;
  };
}
