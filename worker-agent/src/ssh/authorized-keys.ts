import { whatIsWrong } from '@easel/kit/ssh/judge-certificate';
import { type Offer, type Offered, proofOfOffer, readOffered } from '@easel/kit/ssh/sign-in-request';
import type { EnvironmentId, UserId } from '@easel/schema/ids';
import type { AuthorizedKey } from '@easel/schema/wire/manifest';
import { holderOf } from '@easel/schema/wire/ssh-certificate';

/** What somebody has signed in with: an uploaded key, `algorithm base64`, or a certificate that was got by a credential. */
export type SignedIn = { userId: UserId; publicKey: string } | { credentialId: string };

/** What to say to an offer: ask for a signature, refuse it, or let its holder in. */
export type Judgement = 'ask' | 'refuse' | SignedIn;

/** Of whom a ticket says that he comes, and where from. */
export interface Visitor {
  userId: UserId;
  environmentId: EnvironmentId;
  address: string | null;
}

export interface SshEntry {
  keys: readonly AuthorizedKey[];
  /** Whose certificates are good: `ssh-ed25519 base64` of each. */
  authorities: readonly string[];
  /** Whether what was got by this session or API token may still enter. */
  isGood(credentialId: string): boolean;
}

/** The public keys and the authorities whose holders may sign in; they may change while connections stand. */
export class AuthorizedKeys {
  readonly #now: () => number;
  /** By user and key: two people may have uploaded the same one. */
  #keys: ReadonlyMap<string, AuthorizedKey> = new Map();
  #entry: SshEntry = { keys: [], authorities: [], isGood: () => false };

  constructor(now: () => number) {
    this.#now = now;
  }

  /** The server has checked keys when they were uploaded: here they are compared, and read when somebody offers one. */
  set(entry: SshEntry): void {
    this.#entry = entry;
    this.#keys = new Map(entry.keys.map((key) => [nameOf(key), key]));
  }

  /** Whether who came in by this may stay. */
  has(signedIn: SignedIn): boolean {
    return 'publicKey' in signedIn ? this.#keys.has(nameOf(signedIn)) : this.#entry.isGood(signedIn.credentialId);
  }

  /**
   * The signature is checked with the very key that the request names, and binds it to this session (RFC 4252 §7). Only the
   * visitor's own keys and certificates count: a guest's open nothing for the owner's ticket.
   */
  judge(offer: Offer, { sessionId, visitor }: { sessionId: Buffer; visitor: Visitor }): Judgement {
    const offered = readOffered(offer);
    const known =
      offered && (offered.certificate ? this.#byCertificate(offered, visitor) : this.#byKey(offered, visitor));
    if (!known) return 'refuse';
    if (offer.signature === undefined) return 'ask';
    const proof = proofOfOffer(offer, offered, sessionId);
    if (!proof || (known.verifyRequired && !proof.isUserVerified)) return 'refuse';
    return known.signedIn;
  }

  #byKey({ text }: Offered, { userId }: Visitor): { signedIn: SignedIn; verifyRequired: boolean } | null {
    const signedIn = { userId, publicKey: text };
    const key = this.#keys.get(nameOf(signedIn));
    return key ? { signedIn, verifyRequired: key.verifyRequired === true } : null;
  }

  #byCertificate({ certificate }: Offered, visitor: Visitor): { signedIn: SignedIn; verifyRequired: false } | null {
    const { authorities, isGood } = this.#entry;
    if (!certificate) return null;
    if (whatIsWrong(certificate, { authorities, nowMs: this.#now(), address: visitor.address }) !== null) return null;
    const holder = holderOf(certificate);
    if (holder?.userId !== visitor.userId || !isGood(holder.credentialId)) return null;
    if (holder.environmentId !== null && holder.environmentId !== visitor.environmentId) return null;
    return { signedIn: { credentialId: holder.credentialId }, verifyRequired: false };
  }
}

function nameOf({ userId, publicKey }: { userId: UserId; publicKey: string }): string {
  return `${userId} ${publicKey}`;
}
