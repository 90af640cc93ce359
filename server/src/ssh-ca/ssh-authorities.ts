/** The keys that SSH certificates are signed with, in SSH's own forms. */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import type { Clock } from '@easel/kit/clock';
import { publicKeyText } from '@easel/kit/ssh/public-key';
import { record } from '@easel/kit/ssh/wire';
import type { JWK } from 'jose';
import type { Db } from '../db.ts';
import { KeyRing } from '../key-ring/key-ring.ts';
import type { ServerKey } from '../server-key.ts';

/** The longest life of a certificate. */
export const MAX_CERTIFICATE_SECONDS = 900;

export class SshAuthorities {
  readonly #ring: KeyRing;

  constructor(parts: { db: Db; key: ServerKey; clock: Clock }) {
    const publishedAfterMs = 2 * MAX_CERTIFICATE_SECONDS * 1000;
    this.#ring = new KeyRing({ ...parts, table: 'ssh_authorities', publishedAfterMs });
  }

  /** What jumps and workers check certificates with: `ssh-ed25519 base64` of each. */
  async published(): Promise<string[]> {
    return (await this.#ring.publicKeys()).map(textOf);
  }

  /** All that ever signed. */
  async all(): Promise<string[]> {
    return (await this.#ring.allPublicKeys()).map(textOf);
  }

  async signingKey(): Promise<KeyObject> {
    return createPrivateKey({ key: await this.#ring.signingKey(), format: 'jwk' });
  }

  /** Makes the first one, or the next one when it is due. */
  rotate(): Promise<void> {
    return this.#ring.rotate();
  }
}

function textOf({ x = '' }: JWK): string {
  return publicKeyText('ssh-ed25519', record('ssh-ed25519', Buffer.from(x, 'base64url')));
}
