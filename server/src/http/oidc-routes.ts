/**
 * `/auth/*` that a browser walks through when it signs in elsewhere.
 *
 *   GET /auth/modules                    → the ways of signing in, [{ id, name }]
 *   GET /auth/oidc/<module>/start?next=  → to the provider
 *   GET /auth/oidc/<module>/callback     → back, with a session; or to the sign-in page, with a sentence
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError } from '@easel/schema/errors';
import { type OidcSignIn, REQUEST_SECONDS } from '../sign-in/oidc.ts';
import type { SignInModuleService } from '../sign-in/sign-in-module.service.ts';
import { cookieOf, sessionCookies } from '../user/session-cookie.ts';
import { answerJson, answerRefusal } from './answer.ts';
import { deviceOf } from './device.ts';
import { redirect, redirectProblem, safePath } from './sign-in-redirects.ts';

const STATE_COOKIE = 'easel_sign_in';
const PATH = /^\/auth\/oidc\/([a-z0-9]{1,40})\/(start|callback)$/;

interface OidcRoutesParts {
  modules: SignInModuleService;
  oidc: OidcSignIn;
  /** Null where nobody has said it: then what the browser has called. */
  publicUrl: string | null;
  isSecure: boolean;
  onError: (err: unknown) => void;
}

/** True when the path was one of these. */
export function createOidcRoutes(parts: OidcRoutesParts) {
  const { isSecure, modules, oidc } = parts;

  async function walk(request: IncomingMessage, response: ServerResponse, [, id = '', step]: string[]): Promise<void> {
    const base = parts.publicUrl ?? `http://${request.headers.host ?? 'localhost'}`;
    const redirectUri = new URL(`/auth/oidc/${id}/callback`, base);
    const asked = new URL(request.url ?? '/', base);
    if (step === 'start') {
      const nextPath = safePath(asked.searchParams.get('next'));
      const { url, state } = await oidc.start(id, { redirectUri: redirectUri.href, nextPath });
      response.setHeader('set-cookie', stateCookie(state, REQUEST_SECONDS));
      return redirect(response, url.href);
    }
    const callback = new URL(redirectUri);
    callback.search = asked.search;
    const cookieState = cookieOf(request, STATE_COOKIE);
    const { session, nextPath } = await oidc.finish(id, { callback, cookieState }, deviceOf(request));
    response.setHeader('set-cookie', [...sessionCookies(session, { isSecure }), stateCookie('', 0)]);
    redirect(response, nextPath);
  }

  /** Sent along when the provider sends the browser back, which another site does: `Lax` allows that for a plain GET. */
  function stateCookie(state: string, seconds: number): string {
    const secure = isSecure ? '; Secure' : '';
    return `${STATE_COOKIE}=${state}; Path=/auth/oidc/; HttpOnly; SameSite=Lax; Max-Age=${seconds}${secure}`;
  }

  return (request: IncomingMessage, response: ServerResponse): boolean => {
    const path = request.url?.split('?', 1)[0] ?? '';
    const match = PATH.exec(path);
    if (!match && path !== '/auth/modules') return false;
    if (request.method !== 'GET') {
      response.setHeader('allow', 'GET');
      answerRefusal(response, new AppError({ code: 'INVALID_INPUT', message: 'expected a GET' }), 405);
    } else if (match) {
      walk(request, response, match).catch((err: unknown) => redirectProblem(response, err, parts.onError));
    } else {
      modules.offered().then(
        (offered) => answerJson(response, 200, offered),
        (err: unknown) => answerRefusal(response, err),
      );
    }
    return true;
  };
}
