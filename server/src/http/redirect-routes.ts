/**
 * `/auth/*` that a browser walks through when it signs in elsewhere, or links an account to the user that it is signed in as.
 *
 *   GET  /auth/modules                            → the ways of signing in, [{ id, name, kind, startPath }]
 *   GET  /auth/<kind>/<module>/start?next=[&link=] → to the provider
 *   GET  /auth/<kind>/<module>/callback           → back, with a session; or to the page it began at, with a sentence
 *   POST /auth/oidc/<module>/logout               → from the provider itself: somebody has signed out there
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError } from '@easel/schema/errors';
import { LRUCache } from 'lru-cache';
import type { Authentication } from '../authentication.ts';
import { parseLogoutToken } from '../sign-in/logout-token.ts';
import type { OidcProvider } from '../sign-in/oidc.ts';
import type { ProviderCheck } from '../sign-in/provider-check.ts';
import { REQUEST_SECONDS, type RedirectKind, type RedirectSignIn } from '../sign-in/redirect.ts';
import type { SignInModuleService } from '../sign-in/sign-in-module.service.ts';
import { cookieOf, sessionCookies } from '../user/session-cookie.ts';
import { answerJson, answerRefusal } from './answer.ts';
import { readBody } from './body.ts';
import { deviceOf } from './device.ts';
import { redirect, redirectProblemToBeginning, safePath, userOf } from './sign-in-redirects.ts';

const STATE_COOKIE = 'easel_sign_in';
const PATH = /^\/auth\/(oidc|github)\/([a-z0-9]{1,40})\/(start|callback)$/;
const LOGOUT = /^\/auth\/oidc\/([a-z0-9]{1,40})\/logout$/;
const MAX_LOGOUT_BYTES = 16_384;
/** Tokens of the last minutes: one is taken once. */
const REMEMBERED_MS = 10 * 60_000;

interface RedirectRoutesParts {
  authentication: Authentication;
  modules: SignInModuleService;
  oidc: OidcProvider;
  providerCheck: ProviderCheck;
  signIn: RedirectSignIn;
  /** Null where nobody has said it: then what the browser has called. */
  publicUrl: string | null;
  isSecure: boolean;
  onError: (err: unknown) => void;
  onRefusedLogout: (err: unknown) => void;
}

/** True when the path was one of these. */
export function createRedirectRoutes(parts: RedirectRoutesParts) {
  const { isSecure, modules, signIn } = parts;
  const seen = new LRUCache<string, true>({ max: 10_000, ttl: REMEMBERED_MS });

  async function walk(request: IncomingMessage, response: ServerResponse, match: RegExpExecArray): Promise<void> {
    const [path = '', word, id = '', step] = match;
    const kind = word as RedirectKind;
    const base = parts.publicUrl ?? `http://${request.headers.host ?? 'localhost'}`;
    const redirectUri = new URL(`/auth/${kind}/${id}/callback`, base);
    const asked = new URL(request.url ?? path, base);
    const actor = await userOf(parts.authentication, request);
    if (step === 'start') {
      const nextPath = safePath(asked.searchParams.get('next'));
      const code = asked.searchParams.get('link');
      const link = code === null ? null : { code, actor };
      const { url, state } = await signIn.start(kind, id, { redirectUri: redirectUri.href, nextPath, link });
      response.setHeader('set-cookie', stateCookie(state, REQUEST_SECONDS));
      return redirect(response, url.href);
    }
    const callback = new URL(redirectUri);
    callback.search = asked.search;
    const cookieState = cookieOf(request, STATE_COOKIE);
    const { session, nextPath } = await signIn.finish(kind, id, {
      callback,
      cookieState,
      actor,
      from: deviceOf(request),
    });
    const kept = session ? sessionCookies(session, { isSecure }) : [];
    response.setHeader('set-cookie', [...kept, stateCookie('', 0)]);
    redirect(response, nextPath);
  }

  /** Sent along when the provider sends the browser back, which another site does: `Lax` allows that for a plain GET. */
  function stateCookie(state: string, seconds: number): string {
    const secure = isSecure ? '; Secure' : '';
    return `${STATE_COOKIE}=${state}; Path=/auth/; HttpOnly; SameSite=Lax; Max-Age=${seconds}${secure}`;
  }

  async function logout(request: IncomingMessage, id: string): Promise<void> {
    const token = new URLSearchParams(await readBody(request, MAX_LOGOUT_BYTES)).get('logout_token');
    const module = await modules.open(id, 'oidc');
    if (!token || !module || module.secret === null) throw new Error('no such module, or no token');
    const { issuer, clientId } = module.settings;
    const keys = await parts.oidc.keysOf({ ...module, secret: module.secret });
    const { jti, subject, providerSession } = await parseLogoutToken(token, { issuer, clientId, keys });
    const once = `${id} ${jti}`;
    if (seen.has(once)) throw new Error('this token was used before');
    seen.set(once, true);
    await parts.providerCheck.endOf(module, { subject, providerSession });
  }

  return (request: IncomingMessage, response: ServerResponse): boolean => {
    const path = request.url?.split('?', 1)[0] ?? '';
    const match = PATH.exec(path);
    const [, loggedOutAt] = LOGOUT.exec(path) ?? [];
    if (!match && !loggedOutAt && path !== '/auth/modules') return false;
    const expected = loggedOutAt ? 'POST' : 'GET';
    if (request.method !== expected) {
      response.setHeader('allow', expected);
      answerRefusal(response, new AppError({ code: 'INVALID_INPUT', message: `expected a ${expected}` }), 405);
    } else if (loggedOutAt) {
      logout(request, loggedOutAt).then(
        () => answerJson(response, 200, {}),
        (err: unknown) => {
          parts.onRefusedLogout(err);
          answerRefusal(response, new AppError({ code: 'INVALID_INPUT', message: 'expected a good logout_token' }));
        },
      );
    } else if (match) {
      walk(request, response, match).catch((err: unknown) => redirectProblemToBeginning(request, response, err, parts));
    } else {
      modules.offered().then(
        (offered) => answerJson(response, 200, offered),
        (err: unknown) => answerRefusal(response, err),
      );
    }
    return true;
  };
}
