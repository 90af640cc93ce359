/**
 * The token endpoint for service accounts, as OAuth has it, so that any OAuth library can use it. Devices ask here, too.
 *
 *   GET  /.well-known/oauth-authorization-server → what there is (RFC 8414)
 *   POST /auth/token   grant_type=client_credentials [scope=…]   → { access_token, token_type, expires_in, scope } (RFC 6749 §4.4)
 *   POST /auth/revoke  token=…                                   → 200 (RFC 7009)
 *
 * Forms, not JSON. The client proves itself by HTTP Basic, by client_id and client_secret in the form, or by a signed
 * statement (client_assertion, RFC 7523). Refusals are `{ error, error_description }` (RFC 6749 §5.2).
 */
import type { IncomingMessage } from 'node:http';
import type { DeviceSignInService } from '../device-sign-in/device-sign-in.service.ts';
import { SCOPE_WORDS } from '../rights/scopes.ts';
import {
  ACCESS_TOKEN_SECONDS,
  type ClientCredentialService,
  type ClientProof,
} from '../user/client-credential.service.ts';
import { answerJson } from './answer.ts';
import { addressOf } from './device.ts';
import { answerDevice, DEVICE_GRANT } from './device-routes.ts';
import { createOauthRoutes, OauthError, readForm } from './oauth.ts';
import type { AuthRoutes, PostRoute } from './post-routes.ts';

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const METADATA_PATH = '/.well-known/oauth-authorization-server';

interface TokenRoutesParts {
  clients: ClientCredentialService;
  deviceSignIns: DeviceSignInService;
  baseOf: (request: IncomingMessage) => string;
  onError: (err: unknown) => void;
}

export function createTokenRoutes({ clients, deviceSignIns, baseOf, onError }: TokenRoutesParts): AuthRoutes {
  const routes: Record<string, PostRoute> = {
    async '/auth/token'(request, response) {
      const form = await readForm(request);
      const grant = form.get('grant_type');
      if (grant === DEVICE_GRANT) return answerDevice(deviceSignIns, form, { request, response });
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

  const post = createOauthRoutes(routes, { onError });
  return (request, response) => {
    const path = request.url?.split('?', 1)[0] ?? '';
    if (path === METADATA_PATH && (request.method === 'GET' || request.method === 'HEAD')) {
      answerJson(response, 200, metadata(baseOf(request)));
      return true;
    }
    return post(request, response);
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
    device_authorization_endpoint: `${base}/auth/device/code`,
    grant_types_supported: ['client_credentials', DEVICE_GRANT],
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
