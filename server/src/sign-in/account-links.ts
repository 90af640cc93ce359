/**
 * How somebody who is signed in begins to link an account of a provider: a path for this user alone, for a minute. A page of
 * another site cannot know it, so nobody is made to link what he does not want.
 */
import type { Clock } from '@easel/kit/clock';
import { AppError } from '@easel/schema/errors';
import type { UserId } from '@easel/schema/ids';
import { notFound, type UserActor } from '../actor.ts';
import type { ServerKey } from '../server-key.ts';
import { refused } from './arrival.ts';
import type { SignInModuleService } from './sign-in-module.service.ts';

/** What came with the walk to a provider: the code of the path, and who is signed in. */
export interface LinkWish {
  code: string;
  actor: UserActor | null;
}

/** From the press until the browser has left. */
const LINK_SECONDS = 60;
const PURPOSE = 'sign_in_requests.link';

export class AccountLinks {
  readonly #key: ServerKey;
  readonly #clock: Clock;
  readonly #modules: SignInModuleService;

  constructor(parts: { key: ServerKey; clock: Clock; modules: SignInModuleService }) {
    this.#key = parts.key;
    this.#clock = parts.clock;
    this.#modules = parts.modules;
  }

  /** Throws NOT_FOUND, or WRONG_STATE for a directory: there the login and password are typed here. */
  async path({ userId }: UserActor, moduleId: string): Promise<string> {
    const kind = await this.#modules.kindOf(moduleId);
    if (kind === null) throw notFound('sign-in module');
    if (kind === 'ldap') {
      throw new AppError({
        code: 'WRONG_STATE',
        message: 'an account of a directory is linked by its login and password',
      });
    }
    const expiresAt = this.#clock.now() + LINK_SECONDS * 1000;
    const code = this.#key.seal(JSON.stringify({ userId, moduleId, expiresAt }), PURPOSE);
    return `/auth/${kind}/${moduleId}/start?next=${encodeURIComponent('/settings/accounts')}&link=${encodeURIComponent(code)}`;
  }

  /** Whose account it becomes. Throws UNAUTHENTICATED for a code of somebody else, of another module, or too old. */
  userOf({ code, actor }: LinkWish, moduleId: string): UserId {
    const again = refused('the link was begun too long ago, or by somebody else: begin again in your settings');
    let wish: { userId: UserId; moduleId: string; expiresAt: number };
    try {
      wish = JSON.parse(this.#key.open(code, PURPOSE));
    } catch {
      throw again;
    }
    const isGood = wish.moduleId === moduleId && wish.userId === actor?.userId && wish.expiresAt > this.#clock.now();
    if (!isGood) throw again;
    return wish.userId;
  }
}
