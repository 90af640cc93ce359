/**
 * `/auth/*`: what a browser signs in and out with. JSON over POST, so that a form of another site cannot send it, and the
 * Origin is checked besides.
 *
 *   POST /auth/sign-in   { login, password } or { code }   → 204 and the session cookie
 *   POST /auth/invitation { code }                          → 200 { name, email, invitedBy, expiresAt }
 *   POST /auth/join { code, login, name, password }         → 204 and the session cookie of the new user
 *   GET  /auth/forgot                                        → 200 { isOffered }
 *   POST /auth/forgot { who }                               → 202, whoever that is; a link is mailed
 *   POST /auth/reset { code, password }                     → 204, the password is set; nobody is signed in
 *   POST /auth/sign-out                                     → 204, the session is ended
 *
 * Refusals are `{ code, message }` with the status of the code.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError, ERRORS } from '@easel/schema/errors';
import { z } from 'zod';
import { languageOfBrowser } from '../mail/language.ts';
import { invalidInput, parseInput } from '../parse-input.ts';
import type { ForgotPasswordService } from '../user/forgot-password.service.ts';
import type { InvitationService } from '../user/invitation.service.ts';
import type { NewSession, SessionService } from '../user/session.service.ts';
import { sessionCookie, sessionCookieOf, sessionCookies } from '../user/session-cookie.ts';
import { answerJson, answerRefusal } from './answer.ts';
import { readBody } from './body.ts';
import { deviceOf } from './device.ts';

const MAX_BODY_BYTES = 4096;

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
  invitations: InvitationService;
  forgotPassword: ForgotPasswordService;
  isSecure: boolean;
  isAllowedOrigin: (origin: string, request: IncomingMessage) => boolean;
  onError: (err: unknown) => void;
}

/** True when the path was one of these. */
export type AuthRoutes = (request: IncomingMessage, response: ServerResponse) => boolean;

export function createAuthRoutes(parts: AuthRoutesParts): AuthRoutes {
  const { sessions, invitations, forgotPassword, isSecure } = parts;
  const answerSession = (response: ServerResponse, session: NewSession) => {
    response.setHeader('set-cookie', sessionCookies(session, { isSecure }));
    answerJson(response, 204);
  };
  const routes: Record<string, (request: IncomingMessage, response: ServerResponse) => Promise<void>> = {
    async '/auth/sign-in'(request, response) {
      const given = parseInput(signInSchema, await readJson(request));
      const session =
        'code' in given
          ? await sessions.signInWithCode(given.code, deviceOf(request))
          : await sessions.signInWithPassword(given, deviceOf(request));
      answerSession(response, session);
    },
    async '/auth/invitation'(request, response) {
      const { code } = parseInput(invitationSchema, await readJson(request));
      answerJson(response, 200, await invitations.show(code, deviceOf(request)));
    },
    async '/auth/join'(request, response) {
      const { code, ...given } = parseInput(joinSchema, await readJson(request));
      answerSession(response, await invitations.join(code, given, deviceOf(request)));
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
      const secret = sessionCookieOf(request);
      if (secret !== null) await sessions.signOut(secret);
      response.setHeader('set-cookie', sessionCookie('', { isSecure, maxAgeSeconds: 0 }));
      answerJson(response, 204);
    },
  };
  return (request, response) => {
    const path = request.url?.split('?', 1)[0] ?? '';
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    if (!route) return false;
    const { origin } = request.headers;
    if (request.method === 'GET' && path === '/auth/forgot') {
      answerJson(response, 200, { isOffered: forgotPassword.isOffered });
    } else if (request.method !== 'POST') {
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

async function readJson(request: IncomingMessage): Promise<unknown> {
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) {
    throw invalidInput([{ path: '', message: 'expected content-type: application/json' }]);
  }
  const body = await readBody(request, MAX_BODY_BYTES);
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw new AppError({ code: 'INVALID_INPUT', message: 'expected JSON', cause });
  }
}
