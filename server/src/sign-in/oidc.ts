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
import { AppError } from '@easel/schema/errors';
import type { UserId } from '@easel/schema/ids';
import { LRUCache } from 'lru-cache';
import * as oidc from 'openid-client';
import { type Db, inTransaction, reading, type Tx } from '../db.ts';
import { hashSecret, newSecret } from '../secrets.ts';
import type { ServerKey } from '../server-key.ts';
import type { Device, NewSession, SessionService } from '../user/session.service.ts';
import type { UserService } from '../user/user.service.ts';
import { type Claims, claimsOf, isAllowed, loginsFor } from './claims.ts';
import { type ModuleSettings, roleOf } from './module-settings.ts';
import { signInStore } from './sign-in.store.ts';
import type { OpenedModule, SignInModuleService } from './sign-in-module.service.ts';

/** Long enough for a second factor at the provider. */
export const REQUEST_SECONDS = 600;
/** The provider's keys and addresses are asked for anew after this. */
const DISCOVERED_MS = 10 * 60_000;
const ANSWER_LIMIT_SECONDS = 10;

interface OidcParts {
  db: Db;
  key: ServerKey;
  clock: Clock;
  log: Log;
  modules: SignInModuleService;
  users: UserService;
  sessions: SessionService;
}

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
    const userId = await inTransaction(this.#db, (tx) => this.#userOf(tx, module, claims));
    return { session: await this.#parts.sessions.open(userId, from), nextPath: request.nextPath };
  }

  /** Forgets what nobody came back from. */
  sweep(): Promise<void> {
    return reading(() => signInStore.sweepRequests(this.#db, new Date(this.#parts.clock.now())));
  }

  async #claims(
    module: OpenedModule,
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
      const claims = claimsOf((tokens.claims() ?? {}) as Record<string, unknown>);
      if (claims) return claims;
      throw new Error('the ID token names no subject');
    } catch (err) {
      this.#parts.log.warn({ err, code: 'UNAUTHENTICATED', moduleId: module.id }, 'sign-in at a provider failed');
      if (callback.searchParams.get('error') === 'access_denied') throw refused(`${module.name} did not let you in`);
      throw refused(`the answer of ${module.name} was not good: try again, or ask an administrator`);
    }
  }

  async #userOf(tx: Tx, module: OpenedModule, claims: Claims): Promise<UserId> {
    const { settings } = module;
    const { subject, verifiedEmail: email } = claims;
    if (!isAllowed(email, settings.allowedDomains)) {
      throw forbidden(`${module.name} lets in verified addresses of ${settings.allowedDomains.join(', ')} alone`);
    }
    const known = await signInStore.findIdentity(tx, module.id, subject);
    if (known) {
      await signInStore.setUsed(tx, module.id, subject, { email, now: new Date(this.#parts.clock.now()) });
      await this.#refuseDisabled(tx, known.userId as UserId);
      return known.userId as UserId;
    }
    const userId = (await this.#sameEmail(tx, settings, email)) ?? (await this.#register(tx, module, claims));
    await signInStore.insertIdentity(tx, { moduleId: module.id, subject, userId, email });
    return userId;
  }

  async #sameEmail(tx: Tx, { trustsEmail }: ModuleSettings, email: string | null): Promise<UserId | null> {
    if (!trustsEmail || email === null) return null;
    const [user, ...others] = await this.#parts.users.withEmail(tx, email);
    // Two with one address: nobody can say which of them this is.
    if (!user || others.length > 0) return null;
    await this.#refuseDisabled(tx, user.id);
    return user.id;
  }

  async #register(tx: Tx, module: OpenedModule, claims: Claims): Promise<UserId> {
    if (!module.settings.mayRegister) {
      throw forbidden(`nobody here is known by this account of ${module.name}: ask an administrator for an invitation`);
    }
    const { users } = this.#parts;
    for (const login of loginsFor(claims)) {
      if (await users.isTaken(tx, login)) continue;
      const name = claims.name ?? login;
      const rights = { systemRole: null, role: roleOf(module.settings) };
      const email = claims.verifiedEmail;
      return (await users.insert(tx, { kind: 'person', login, name, email, passwordHash: null, ...rights })).id;
    }
    throw forbidden('no login could be found for you: ask an administrator for an invitation');
  }

  async #refuseDisabled(tx: Tx, userId: UserId): Promise<void> {
    if (await this.#parts.users.isDisabled(tx, userId)) throw forbidden('this user is disabled: ask an administrator');
  }

  async #module(id: string): Promise<OpenedModule> {
    const module = await this.#parts.modules.open(id);
    if (!module) throw new AppError({ code: 'NOT_FOUND', message: 'there is no such way of signing in any more' });
    return module;
  }

  async #discover({ id, version, name, settings, secret }: OpenedModule): Promise<oidc.Configuration> {
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
        // What an administrator has named is asked, and nobody that it points to.
        [oidc.customFetch]: (url, options) => fetch(url, { ...options, redirect: 'error' } as RequestInit),
      });
      this.#discovered.set(key, found);
      return found;
    } catch (err) {
      this.#parts.log.warn({ err, moduleId: id }, 'a sign-in provider does not answer');
      throw refused(`${name} does not answer as an OpenID provider does: try again later, or another way`);
    }
  }
}

function purposeOf(stateHash: string): string {
  return `sign_in_requests.sealed ${stateHash}`;
}

function refused(message: string): AppError {
  return new AppError({ code: 'UNAUTHENTICATED', message });
}

function forbidden(message: string): AppError {
  return new AppError({ code: 'FORBIDDEN', message });
}
