/**
 * Signing in by going to a provider and coming back, whatever is spoken there.
 *
 * `start` keeps what the answer must fit to under the hash of a random state and sends the browser away; the state lies in a
 * cookie of that browser as well. `finish` takes the request back, once, and only from the same browser. Every failure is one
 * sentence for the person, and its reason a line in our log.
 *
 * Linking goes the same way, begun by a press of the signed-in user: who comes back must be the same user still, and becomes
 * nobody else by it.
 */
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import { AppError } from '@easel/schema/errors';
import type { UserActor } from '../actor.ts';
import { type Db, inTransaction, reading } from '../db.ts';
import { hashSecret, newSecret } from '../secrets.ts';
import type { ServerKey } from '../server-key.ts';
import type { Device, NewSession } from '../user/session.service.ts';
import type { AccountLinks, LinkWish } from './account-links.ts';
import { type Arrivals, refused } from './arrival.ts';
import type { Claims } from './claims.ts';
import type { SettingsOf } from './module-settings.ts';
import type { KeptOfProvider } from './session-check.store.ts';
import { signInStore } from './sign-in.store.ts';
import { type OpenedModule, requireModule, type SignInModuleService } from './sign-in-module.service.ts';

export type RedirectKind = 'oidc' | 'github';
export type RedirectModule<Kind extends RedirectKind = RedirectKind> = OpenedModule & {
  settings: SettingsOf<Kind>;
  secret: string;
};

/** What each protocol does in its own way. */
export interface RedirectProvider<Kind extends RedirectKind> {
  /** Where the browser goes, and what is kept until it comes back. `isFresh`: the person is to prove who he is anew. */
  begin(
    module: RedirectModule<Kind>,
    wish: { redirectUri: string; state: string; isFresh: boolean },
  ): Promise<{ url: URL; kept: Record<string, string> }>;
  /** Who the provider says it is, and what he can be looked up there with later. Throws whatever is wrong. */
  claims(
    module: RedirectModule<Kind>,
    answer: { callback: URL; state: string; kept: Record<string, string> },
  ): Promise<{ claims: Claims; keeps: KeptOfProvider }>;
}

/** Long enough for a second factor at the provider. */
export const REQUEST_SECONDS = 600;

interface RedirectParts {
  db: Db;
  key: ServerKey;
  clock: Clock;
  log: Log;
  modules: SignInModuleService;
  links: AccountLinks;
  arrivals: Arrivals;
  providers: { [Kind in RedirectKind]: RedirectProvider<Kind> };
}

/** Who came back: signed in, or linked to the user that he is already. */
export type Finished = { nextPath: string; session: NewSession | null };

export class RedirectSignIn {
  readonly #parts: RedirectParts;
  readonly #db: Db;

  constructor(parts: RedirectParts) {
    this.#parts = parts;
    this.#db = parts.db;
  }

  /** Where the browser is sent, and the state that its cookie keeps. Throws NOT_FOUND, UNAUTHENTICATED or FORBIDDEN. */
  async start(
    kind: RedirectKind,
    moduleId: string,
    wish: { redirectUri: string; nextPath: string; link: LinkWish | null },
  ): Promise<{ url: URL; state: string }> {
    const module = await this.#module(kind, moduleId);
    const linkUserId = wish.link ? this.#parts.links.userOf(wish.link, module.id) : null;
    const state = newSecret();
    const { redirectUri } = wish;
    const isFresh = linkUserId !== null;
    const { url, kept } = await this.#provider(module).begin(module, { redirectUri, state, isFresh });
    const stateHash = hashSecret(state);
    await reading(() =>
      signInStore.insertRequest(this.#db, {
        stateHash,
        moduleId: module.id,
        sealed: this.#parts.key.seal(JSON.stringify(kept), purposeOf(stateHash)),
        nextPath: wish.nextPath,
        linkUserId,
        expiresAt: new Date(this.#parts.clock.now() + REQUEST_SECONDS * 1000),
      }),
    );
    return { url, state };
  }

  /** `callback` is the address that the provider has sent the browser to. Throws UNAUTHENTICATED or FORBIDDEN. */
  async finish(
    kind: RedirectKind,
    moduleId: string,
    given: { callback: URL; cookieState: string | null; actor: UserActor | null; from: Device },
  ): Promise<Finished> {
    const module = await this.#module(kind, moduleId);
    const { callback, cookieState, actor, from } = given;
    const state = callback.searchParams.get('state');
    // Another browser's answer would sign this one in as somebody else.
    if (!state || state !== cookieState) throw refused('the sign-in was begun in another browser, or too long ago');
    const stateHash = hashSecret(state);
    const now = new Date(this.#parts.clock.now());
    const request = await inTransaction(this.#db, (tx) => signInStore.takeRequest(tx, stateHash, now));
    if (request?.moduleId !== module.id) throw refused('the sign-in was begun too long ago, or was used before');
    const kept = JSON.parse(this.#parts.key.open(request.sealed, purposeOf(stateHash))) as Record<string, string>;
    const { claims, keeps } = await this.#claims(module, { callback, state, kept });
    const { nextPath } = request;
    if (request.linkUserId === null)
      return { nextPath, session: await this.#parts.arrivals.signIn(module, claims, from, { keeps }) };
    if (actor?.userId !== request.linkUserId) throw refused('somebody else is signed in here now: begin again');
    await this.#parts.arrivals.link(module, claims, { actor, from });
    return { nextPath, session: null };
  }

  /** Forgets what nobody came back from. */
  sweep(): Promise<void> {
    return reading(() => signInStore.sweepRequests(this.#db, new Date(this.#parts.clock.now())));
  }

  async #claims(module: RedirectModule, answer: { callback: URL; state: string; kept: Record<string, string> }) {
    try {
      return await this.#provider(module).claims(module, answer);
    } catch (err) {
      if (err instanceof AppError && err.code === 'FORBIDDEN') throw err;
      this.#parts.log.warn({ err, code: 'UNAUTHENTICATED', moduleId: module.id }, 'sign-in at a provider failed');
      if (answer.callback.searchParams.get('error') === 'access_denied')
        throw refused(`${module.name} did not let you in`);
      throw refused(`the answer of ${module.name} was not good: try again, or ask an administrator`);
    }
  }

  #provider({ settings }: RedirectModule): RedirectProvider<RedirectKind> {
    return this.#parts.providers[settings.kind] as unknown as RedirectProvider<RedirectKind>;
  }

  async #module(kind: RedirectKind, id: string): Promise<RedirectModule> {
    const { secret, ...module } = await requireModule(this.#parts.modules, id, kind);
    if (secret === null) throw refused(`${module.name} has no secret of its client: ask an administrator`);
    return { ...module, secret };
  }
}

function purposeOf(stateHash: string): string {
  return `sign_in_requests.sealed ${stateHash}`;
}
