/**
 * OpenID Connect: authorization code with PKCE (OpenID Connect Core §3.1, RFC 7636). The library checks signature, issuer,
 * audience, nonce and times. Later the provider is asked whether the person is still there, by his refresh token, or where it
 * gave none by his access token.
 */
import type { Log } from '@easel/kit/log';
import { createRemoteJWKSet, type JWTVerifyGetKey, customFetch as joseFetch } from 'jose';
import { LRUCache } from 'lru-cache';
import * as oidc from 'openid-client';
import { refused } from './arrival.ts';
import { claimsOf } from './claims.ts';
import type { RedirectModule, RedirectProvider } from './redirect.ts';
import type { KeptOfProvider } from './session-check.store.ts';

/** The provider's keys and addresses are asked for anew after this. */
const DISCOVERED_MS = 10 * 60_000;
const ANSWER_LIMIT_SECONDS = 10;
/** Knows no `login`, and says so by an error; choosing the account again is as fresh as it gets there. */
const GOOGLE = 'https://accounts.google.com';

export type OidcModule = RedirectModule<'oidc'>;
/** `unknown`: the provider does not answer, or there is nothing to ask it with. */
export type Verdict = 'here' | 'gone' | 'unknown';

interface OidcParts {
  log: Log;
  /** The only way to providers. */
  fetch: oidc.CustomFetch;
  onUnreachable: (module: { id: string; name: string }, problem: string) => Promise<void>;
}

export class OidcProvider implements RedirectProvider<'oidc'> {
  readonly #parts: OidcParts;
  readonly #discovered = new LRUCache<string, oidc.Configuration>({ max: 50, ttl: DISCOVERED_MS });
  readonly #keys = new WeakMap<oidc.Configuration, JWTVerifyGetKey>();

  constructor(parts: OidcParts) {
    this.#parts = parts;
  }

  async begin(
    module: OidcModule,
    { redirectUri, state, isFresh }: { redirectUri: string; state: string; isFresh: boolean },
  ) {
    const provider = await this.discover(module);
    const [nonce, verifier] = [oidc.randomNonce(), oidc.randomPKCECodeVerifier()];
    const offered = provider.serverMetadata().scopes_supported ?? [];
    const lasting = offered.includes('offline_access') ? ['offline_access'] : [];
    const url = oidc.buildAuthorizationUrl(provider, {
      redirect_uri: redirectUri,
      scope: [...new Set(['openid', ...module.settings.scopes, ...lasting])].join(' '),
      state,
      nonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...(isFresh ? { prompt: module.settings.issuer === GOOGLE ? 'select_account' : 'login' } : {}),
    });
    return { url, kept: { nonce, verifier } };
  }

  async claims(module: OidcModule, answer: { callback: URL; state: string; kept: Record<string, string> }) {
    const { callback, state, kept } = answer;
    const tokens = await oidc.authorizationCodeGrant(await this.discover(module), callback, {
      expectedState: state,
      expectedNonce: kept.nonce ?? '',
      pkceCodeVerifier: kept.verifier ?? '',
      idTokenExpected: true,
    });
    const token = (tokens.claims() ?? {}) as Record<string, unknown>;
    const claims = claimsOf(token, module.settings.groupsClaim);
    if (!claims) throw new Error('the ID token names no subject');
    const keeps: KeptOfProvider = {
      refreshToken: tokens.refresh_token ?? null,
      accessToken: tokens.access_token,
      accessUntilMs: Date.now() + (tokens.expiresIn() ?? 0) * 1000,
      providerSession: typeof token.sid === 'string' ? token.sid.slice(0, 255) : null,
    };
    return { claims, keeps };
  }

  /** Whether the provider still knows this person; and what it is to be asked with the next time. */
  async look(
    module: OidcModule,
    subject: string,
    kept: KeptOfProvider,
  ): Promise<{ verdict: Verdict; keeps: KeptOfProvider }> {
    try {
      const provider = await this.discover(module);
      if (kept.refreshToken) {
        const tokens = await oidc.refreshTokenGrant(provider, kept.refreshToken);
        const said = tokens.claims()?.sub ?? subject;
        const keeps = {
          ...kept,
          refreshToken: tokens.refresh_token ?? kept.refreshToken,
          accessToken: tokens.access_token,
          accessUntilMs: Date.now() + (tokens.expiresIn() ?? 0) * 1000,
        };
        return { verdict: said === subject ? 'here' : 'gone', keeps };
      }
      const canAsk = kept.accessToken && kept.accessUntilMs > Date.now() && provider.serverMetadata().userinfo_endpoint;
      if (!canAsk) return { verdict: 'unknown', keeps: kept };
      await oidc.fetchUserInfo(provider, kept.accessToken ?? '', subject);
      return { verdict: 'here', keeps: kept };
    } catch (err) {
      if (isGone(err)) return { verdict: 'gone', keeps: kept };
      this.#parts.log.warn({ err, moduleId: module.id }, 'a provider does not say whether somebody is still there');
      return { verdict: 'unknown', keeps: kept };
    }
  }

  /** The keys that it signs with, asked for when one is unknown. */
  async keysOf(module: OidcModule): Promise<JWTVerifyGetKey> {
    const provider = await this.discover(module);
    const known = this.#keys.get(provider);
    if (known) return known;
    const { jwks_uri: uri } = provider.serverMetadata();
    if (!uri) throw refused(`${module.name} publishes no keys`);
    const options = { timeoutDuration: ANSWER_LIMIT_SECONDS * 1000, [joseFetch]: this.#parts.fetch as never };
    const keys = createRemoteJWKSet(new URL(uri), options);
    this.#keys.set(provider, keys);
    return keys;
  }

  async discover({ id, version, name, settings, secret }: OidcModule): Promise<oidc.Configuration> {
    const key = `${id} ${version}`;
    const known = this.#discovered.get(key);
    if (known) return known;
    const issuer = new URL(settings.issuer);
    try {
      // The library leaves the signature to TLS by itself; a proxy on the way may end that.
      const execute = [oidc.enableNonRepudiationChecks];
      if (issuer.protocol === 'http:') execute.push(oidc.allowInsecureRequests);
      const found = await oidc.discovery(issuer, settings.clientId, secret, undefined, {
        execute,
        timeout: ANSWER_LIMIT_SECONDS,
        [oidc.customFetch]: this.#parts.fetch,
      });
      this.#discovered.set(key, found);
      return found;
    } catch (err) {
      this.#parts.log.warn({ err, moduleId: id }, 'a sign-in provider does not answer');
      const problem = String((err as Error).cause instanceof Error ? ((err as Error).cause as Error).message : err);
      await this.#parts.onUnreachable({ id, name }, problem.slice(0, 300));
      throw refused(`${name} does not answer as an OpenID provider does: try again later, or another way`);
    }
  }
}

/** Only what the provider says itself of the person: not that our client is wrong, nor that it is busy. */
function isGone(err: unknown): boolean {
  if (err instanceof oidc.ResponseBodyError) return err.error === 'invalid_grant';
  return err instanceof oidc.WWWAuthenticateChallengeError && err.status === 401;
}
