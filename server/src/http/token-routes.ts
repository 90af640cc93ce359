/**
 * The token endpoint for service accounts, as OAuth has it, so that any OAuth library can use it.
 *
 *   GET  /.well-known/oauth-authorization-server → what there is (RFC 8414)
 *   POST /auth/token   grant_type=client_credentials [scope=…]   → { access_token, token_type, expires_in, scope } (RFC 6749 §4.4)
 *   POST /auth/revoke  token=…                                   → 200 (RFC 7009)
 *
 * Forms, not JSON. The client proves itself by HTTP Basic, by client_id and client_secret in the form, or by a signed
 * statement (client_assertion, RFC 7523). Refusals are `{ error, error_description }` (RFC 6749 §5.2).
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError, ERRORS } from '@easel/schema/errors';
import { SCOPE_WORDS } from '../rights/scopes.ts';
import {
  ACCESS_TOKEN_SECONDS,
  type ClientCredentialService,
  type ClientProof,
} from '../user/client-credential.service.ts';
import { answerJson } from './answer.ts';
import { addressOf } from './device.ts';
import type { AuthRoutes } from './post-routes.ts';

const MAX_BODY_BYTES = 16_384;
const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const METADATA_PATH = '/.well-known/oauth-authorization-server';

interface TokenRoutesParts {
  clients: ClientCredentialService;
  /** Null where nobody has said it: then what the caller has called. */
  publicUrl: string | null;
  onError: (err: unknown) => void;
}

/** What OAuth calls a refusal, with its status. */
class OauthError extends Error {
  readonly error: string;
  readonly status: number;

  constructor(error: string, message: string, status = 400) {
    super(message);
    this.error = error;
    this.status = status;
  }
}

export function createTokenRoutes({ clients, publicUrl, onError }: TokenRoutesParts): AuthRoutes {
  const baseOf = (request: IncomingMessage) => publicUrl ?? `http://${request.headers.host ?? 'localhost'}`;

  const routes: Record<string, (request: IncomingMessage, response: ServerResponse) => Promise<void>> = {
    async '/auth/token'(request, response) {
      const form = await readForm(request);
      const grant = form.get('grant_type');
      if (grant !== 'client_credentials') {
        throw new OauthError('unsupported_grant_type', 'expected grant_type=client_credentials');
      }
      const proof = proofOf(request, form, baseOf(request));
      const { token, scopes } = await clients.issue(proof, { scope: form.get('scope'), address: addressOf(request) });
      answerJson(response, 200, {
        access_token: token,
        token_type: 'Bearer',
        expires_in: ACCESS_TOKEN_SECONDS,
        ...(scopes ? { scope: scopes.join(' ') } : {}),
      });
    },
    async '/auth/revoke'(request, response) {
      const form = await readForm(request);
      await clients.end(proofOf(request, form, baseOf(request)), form.get('token') ?? '', addressOf(request));
      answerJson(response, 200, {});
    },
  };

  return (request, response) => {
    const path = request.url?.split('?', 1)[0] ?? '';
    if (path === METADATA_PATH && (request.method === 'GET' || request.method === 'HEAD')) {
      answerJson(response, 200, metadata(baseOf(request)));
      return true;
    }
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

function metadata(base: string) {
  const methods = ['client_secret_basic', 'client_secret_post', 'private_key_jwt'];
  const algorithms = ['ES256', 'ES384', 'EdDSA', 'RS256', 'PS256'];
  return {
    issuer: base,
    token_endpoint: `${base}/auth/token`,
    token_endpoint_auth_methods_supported: methods,
    token_endpoint_auth_signing_alg_values_supported: algorithms,
    revocation_endpoint: `${base}/auth/revoke`,
    revocation_endpoint_auth_methods_supported: methods,
    revocation_endpoint_auth_signing_alg_values_supported: algorithms,
    grant_types_supported: ['client_credentials'],
    response_types_supported: [],
    scopes_supported: SCOPE_WORDS,
  };
}

function proofOf(request: IncomingMessage, form: URLSearchParams, base: string): ClientProof {
  const { authorization } = request.headers;
  const [clientId, secret, assertion] = ['client_id', 'client_secret', 'client_assertion'].map((name) =>
    form.get(name),
  );
  if ([authorization, secret, assertion].filter((value) => typeof value === 'string').length > 1) {
    throw new OauthError('invalid_request', 'a client proves itself in one way at a time');
  }
  if (authorization !== undefined) {
    const [id, password] = basicOf(authorization);
    return { kind: 'secret', clientId: id, secret: password };
  }
  if (assertion) {
    if (form.get('client_assertion_type') !== ASSERTION_TYPE) {
      throw new OauthError('invalid_request', `expected client_assertion_type=${ASSERTION_TYPE}`);
    }
    const audiences = [base, `${base}/auth/token`, `${base}/auth/revoke`];
    return { kind: 'assertion', clientId: clientId ?? null, assertion, audiences };
  }
  if (clientId && secret) return { kind: 'secret', clientId, secret };
  throw new OauthError('invalid_client', 'expected HTTP Basic, client_id and client_secret, or client_assertion', 401);
}

/** Both parts are form-encoded before they are joined (RFC 6749 §2.3.1). */
function basicOf(authorization: string): [string, string] {
  const encoded = /^Basic ([A-Za-z0-9+/=]{1,2000})$/i.exec(authorization)?.[1] ?? '';
  const text = Buffer.from(encoded, 'base64').toString();
  const at = text.indexOf(':');
  try {
    if (at > 0) return [decodeURIComponent(text.slice(0, at)), decodeURIComponent(text.slice(at + 1))];
  } catch {
    // Not encoded as it should be: told below.
  }
  throw new OauthError('invalid_client', 'expected HTTP Basic with client id and secret', 401);
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
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
  if (err instanceof AppError && typeof err.details.retryAfterSeconds === 'number') {
    response.setHeader('retry-after', String(err.details.retryAfterSeconds));
  }
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
