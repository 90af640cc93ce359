/**
 * Signing in at an OpenID provider: authorization code with PKCE (OpenID Connect Core §3.1, RFC 7636).
 *
 * `start` keeps nonce and verifier under the hash of a random state and sends the browser away; the state lies in a cookie
 * of that browser as well. `finish` takes the request back, once, and only from the same browser; the library checks
 * signature, issuer, audience, nonce and times. Whoever comes is known by (module, subject), never by an e-mail address
 * alone. Every failure is one sentence for the person, and its reason a line in our log.
 */
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import { LRUCache } from 'lru-cache';
import * as oidc from 'openid-client';
import { type Db, inTransaction, reading } from '../db.ts';
import { hashSecret, newSecret } from '../secrets.ts';
import type { ServerKey } from '../server-key.ts';
import type { Device, NewSession } from '../user/session.service.ts';
import { type Arrivals, refused } from './arrival.ts';
import { type Claims, claimsOf } from './claims.ts';
import { signInStore } from './sign-in.store.ts';
import { type OpenedModule, requireModule, type SignInModuleService } from './sign-in-module.service.ts';

/** Long enough for a second factor at the provider. */
export const REQUEST_SECONDS = 600;
/** The provider's keys and addresses are asked for anew after this. */
const DISCOVERED_MS = 10 * 60_000;
const ANSWER_LIMIT_SECONDS = 10;
/** Of all that a provider says: its keys are the longest. */
export const PROVIDER_LIMITS = { timeoutMs: ANSWER_LIMIT_SECONDS * 1000, maxAnswerBytes: 1_000_000 };

interface OidcParts {
  db: Db;
  key: ServerKey;
  clock: Clock;
  log: Log;
  modules: SignInModuleService;
  arrivals: Arrivals;
  /** The only way to providers. */
  fetch: oidc.CustomFetch;
  onUnreachable: (module: { id: string; name: string }, problem: string) => Promise<void>;
}

type OidcModule = OpenedModule<'oidc'> & { secret: string };

export class OidcSignIn {
  readonly #parts: OidcParts;
  readonly #db: Db;
  readonly #discovered = new LRUCache<string, oidc.Configuration>({ max: 50, ttl: DISCOVERED_MS });

  constructor(parts: OidcParts) {
    this.#parts = parts;
    this.#db = parts.db;
  }

  /** Where the browser is sent, and the state that its cookie keeps. Throws NOT_FOUND or UNAUTHENTICATED. */
  async start(moduleId: string, wish: { redirectUri: string; nextPath: string }): Promise<{ url: URL; state: string }> {
    const module = await this.#module(moduleId);
    const provider = await this.#discover(module);
    const [state, nonce, verifier] = [newSecret(), newSecret(), oidc.randomPKCECodeVerifier()];
    const now = this.#parts.clock.now();
    const stateHash = hashSecret(state);
    await reading(() =>
      signInStore.insertRequest(this.#db, {
        stateHash,
        moduleId: module.id,
        sealed: this.#parts.key.seal(JSON.stringify({ nonce, verifier }), purposeOf(stateHash)),
        nextPath: wish.nextPath,
        expiresAt: new Date(now + REQUEST_SECONDS * 1000),
      }),
    );
    const url = oidc.buildAuthorizationUrl(provider, {
      redirect_uri: wish.redirectUri,
      scope: ['openid', ...module.settings.scopes].join(' '),
      state,
      nonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    });
    return { url, state };
  }

  /** `callback` is the address that the provider has sent the browser to. Throws UNAUTHENTICATED or FORBIDDEN. */
  async finish(
    moduleId: string,
    given: { callback: URL; cookieState: string | null },
    from: Device,
  ): Promise<{ session: NewSession; nextPath: string }> {
    const module = await this.#module(moduleId);
    const { callback, cookieState } = given;
    const state = callback.searchParams.get('state');
    // Another browser's answer would sign this one in as somebody else.
    if (!state || state !== cookieState) throw refused('the sign-in was begun in another browser, or too long ago');
    const stateHash = hashSecret(state);
    const now = new Date(this.#parts.clock.now());
    const request = await inTransaction(this.#db, (tx) => signInStore.takeRequest(tx, stateHash, now));
    if (request?.moduleId !== module.id) throw refused('the sign-in was begun too long ago, or was used before');
    const { nonce, verifier } = JSON.parse(this.#parts.key.open(request.sealed, purposeOf(stateHash)));
    const claims = await this.#claims(module, callback, { state, nonce, verifier });
    return { session: await this.#parts.arrivals.signIn(module, claims, from), nextPath: request.nextPath };
  }

  /** Forgets what nobody came back from. */
  sweep(): Promise<void> {
    return reading(() => signInStore.sweepRequests(this.#db, new Date(this.#parts.clock.now())));
  }

  async #claims(
    module: OidcModule,
    callback: URL,
    expected: { state: string; nonce: string; verifier: string },
  ): Promise<Claims> {
    try {
      const tokens = await oidc.authorizationCodeGrant(await this.#discover(module), callback, {
        expectedState: expected.state,
        expectedNonce: expected.nonce,
        pkceCodeVerifier: expected.verifier,
        idTokenExpected: true,
      });
      const claims = claimsOf((tokens.claims() ?? {}) as Record<string, unknown>, module.settings.groupsClaim);
      if (claims) return claims;
      throw new Error('the ID token names no subject');
    } catch (err) {
      this.#parts.log.warn({ err, code: 'UNAUTHENTICATED', moduleId: module.id }, 'sign-in at a provider failed');
      if (callback.searchParams.get('error') === 'access_denied') throw refused(`${module.name} did not let you in`);
      throw refused(`the answer of ${module.name} was not good: try again, or ask an administrator`);
    }
  }

  async #module(id: string): Promise<OidcModule> {
    const { secret, ...module } = await requireModule(this.#parts.modules, id, 'oidc');
    if (secret === null) throw refused(`${module.name} has no secret of its client: ask an administrator`);
    return { ...module, secret };
  }

  async #discover({ id, version, name, settings, secret }: OidcModule): Promise<oidc.Configuration> {
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

function purposeOf(stateHash: string): string {
  return `sign_in_requests.sealed ${stateHash}`;
}
