/**
 * `/auth/saml/*`: what a browser walks through when it signs in at an identity provider that speaks SAML.
 *
 *   GET  /auth/saml/<module>/metadata     → what the provider is told of us
 *   GET  /auth/saml/<module>/start?next=[&link=] → to the provider
 *   POST /auth/saml/<module>/acs          → from the provider's page; on to `return`, or to the start when it began there
 *   GET  /auth/saml/<module>/return       → with our cookie: back, with a session
 *
 * All problems lead to the page for signing in, or to the settings of whoever links, with a sentence.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError } from '@easel/schema/errors';
import type { Authentication } from '../authentication.ts';
import { isLoopback } from '../sign-in/kinds/common.ts';
import type { Finished } from '../sign-in/redirect.ts';
import { REQUEST_SECONDS, type SamlSignIn } from '../sign-in/saml.ts';
import { MAX_RESPONSE_BYTES } from '../sign-in/saml-response.ts';
import { cookieOf, sessionCookies } from '../user/session-cookie.ts';
import { answerRefusal } from './answer.ts';
import { readBody } from './body.ts';
import { deviceOf } from './device.ts';
import { redirect, redirectProblemToBeginning, safePath, userOf } from './sign-in-redirects.ts';

const PATH = /^\/auth\/saml\/([a-z0-9]{1,40})\/(metadata|start|acs|return)$/;
/** base64, written as a form. */
const MAX_FORM_BYTES = MAX_RESPONSE_BYTES * 2;

interface SamlRoutesParts {
  authentication: Authentication;
  saml: SamlSignIn;
  publicUrl: string | null;
  isSecure: boolean;
  onError: (err: unknown) => void;
}

type Step = (request: IncomingMessage, response: ServerResponse, id: string) => Promise<void>;

/** True when the path was one of these. */
export function createSamlRoutes(parts: SamlRoutesParts) {
  const { isSecure, saml } = parts;
  // Under https the cookie is bound to this very host, so that no neighbour can set it.
  const stateCookieName = isSecure ? '__Host-easel_saml' : 'easel_saml';

  /**
   * Who we are to the provider follows from our address. A caller names any host: what another service of the same provider was
   * answered would do here, if we believed it.
   */
  function originFor(request: IncomingMessage): string {
    if (parts.publicUrl !== null) return parts.publicUrl;
    const asked = `http://${request.headers.host ?? ''}`;
    if (URL.canParse(asked) && isLoopback(new URL(asked).hostname)) return new URL(asked).origin;
    const message = 'signing in by SAML needs the address of this server: an administrator has to set EASEL_PUBLIC_URL';
    throw new AppError({ code: 'WRONG_STATE', message });
  }

  /** `Lax`: it comes along when the browser is sent to `return`, and with no form of another site. */
  function stateCookie(state: string, seconds: number): string {
    const secure = isSecure ? '; Secure' : '';
    return `${stateCookieName}=${state}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${seconds}${secure}`;
  }

  function back(response: ServerResponse, { session, nextPath }: Finished): void {
    const kept = session ? sessionCookies(session, { isSecure }) : [];
    response.setHeader('set-cookie', [...kept, stateCookie('', 0)]);
    redirect(response, nextPath);
  }

  const steps: Record<string, Step> = {
    async metadata(request, response, id) {
      const xml = await saml.metadata(id, originFor(request));
      response
        .writeHead(200, {
          'content-type': 'application/samlmetadata+xml; charset=utf-8',
          'content-disposition': 'attachment; filename="easel-saml-metadata.xml"',
          'cache-control': 'no-store',
        })
        .end(xml);
    },
    async start(request, response, id) {
      const asked = new URL(request.url ?? '/', 'http://localhost').searchParams;
      const code = asked.get('link');
      const link = code === null ? null : { code, actor: await userOf(parts.authentication, request) };
      const wish = { origin: originFor(request), nextPath: safePath(asked.get('next')), link };
      const { url, state } = await saml.start(id, wish);
      response.setHeader('set-cookie', stateCookie(state, REQUEST_SECONDS));
      redirect(response, url);
    },
    async acs(request, response, id) {
      const origin = originFor(request);
      const form = new URLSearchParams(await readBody(request, MAX_FORM_BYTES));
      const given = { origin, response: form.get('SAMLResponse') ?? '', relayState: form.get('RelayState') ?? '' };
      const accepted = await saml.accept(id, given, deviceOf(request));
      if (accepted.isBegunHere) redirect(response, `/auth/saml/${id}/return`);
      else back(response, { session: accepted.session, nextPath: '/' });
    },
    async return(request, response, id) {
      const cookieState = cookieOf(request, stateCookieName);
      const actor = await userOf(parts.authentication, request);
      back(response, await saml.finish(id, { cookieState, actor, from: deviceOf(request) }));
    },
  };

  return (request: IncomingMessage, response: ServerResponse): boolean => {
    const [, id = '', step = ''] = PATH.exec(request.url?.split('?', 1)[0] ?? '') ?? [];
    const run = steps[step];
    if (!run) return false;
    const method = step === 'acs' ? 'POST' : 'GET';
    if (request.method !== method) {
      response.setHeader('allow', method);
      answerRefusal(response, new AppError({ code: 'INVALID_INPUT', message: `expected a ${method}` }), 405);
      return true;
    }
    run(request, response, id).catch((err: unknown) => {
      if (step === 'metadata') answerRefusal(response, err);
      else redirectProblemToBeginning(request, response, err, parts);
      // The rest of a body that is not wanted is not read.
      if (!request.complete) response.once('finish', () => request.destroy());
    });
    return true;
  };
}
