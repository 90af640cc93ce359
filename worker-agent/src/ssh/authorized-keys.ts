import { type Offer, proofOfOffer, readOffered } from '@easel/kit/ssh/sign-in-request';
import type { UserId } from '@easel/schema/ids';
import type { AuthorizedKey } from '@easel/schema/wire/manifest';

/** What to say to an offer: ask for a signature, refuse it, or let this key in. */
export type Judgement = 'ask' | 'refuse' | { publicKey: string };

/** The public keys that may sign in; the list may change while connections stand. */
export class AuthorizedKeys {
  /** By user and key: two people may have uploaded the same one. */
  #keys: ReadonlyMap<string, AuthorizedKey> = new Map();

  /** The server has checked them when they were uploaded: here they are compared, and read when somebody offers one. */
  set(keys: readonly AuthorizedKey[]): void {
    this.#keys = new Map(keys.map((key) => [`${key.userId} ${key.publicKey}`, key]));
  }

  /** `publicKey` is `algorithm base64`. */
  has(userId: UserId, publicKey: string): boolean {
    return this.#keys.has(`${userId} ${publicKey}`);
  }

  /**
   * The signature is checked with the very key that the request names, and binds it to this session (RFC 4252 §7). Only keys
   * of the user count whose ticket the stream came in with: a guest's key opens nothing for the owner's ticket.
   */
  judge(userId: UserId, offer: Offer, sessionId: Buffer): Judgement {
    const offered = readOffered(offer);
    const known = offered && this.#keys.get(`${userId} ${offered.text}`);
    if (!known) return 'refuse';
    if (offer.signature === undefined) return 'ask';
    const proof = proofOfOffer(offer, offered, sessionId);
    if (!proof || (known.verifyRequired && !proof.isUserVerified)) return 'refuse';
    return { publicKey: offered.text };
  }
}
