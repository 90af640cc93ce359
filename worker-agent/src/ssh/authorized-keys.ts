import type { AuthorizedKey } from '@easel/schema/wire/manifest';
import ssh2, { type ParsedKey, type PublicKeyAuthContext } from 'ssh2';

interface KnownKey {
  blob: Buffer;
  key: ParsedKey;
}

/** The public keys that may sign in; the list may change while connections stand. */
export class AuthorizedKeys {
  #keys: KnownKey[] = [];

  /** Lines that are no keys are left out: the server has checked them when they were uploaded. */
  set(keys: readonly AuthorizedKey[]): void {
    this.#keys = keys.flatMap(({ publicKey }) => {
      const key = ssh2.utils.parseKey(publicKey);
      return key instanceof Error ? [] : [{ key, blob: key.getPublicSSH() }];
    });
  }

  has(blob: Buffer): boolean {
    return this.#find(blob) !== undefined;
  }

  /**
   * What to say to a request with this key: `ask` for a signature, `accept` a good one, else `refuse`. The signature is
   * checked with the very key that the request names, over the blob that binds it to this session (RFC 4252 §7).
   */
  judge(context: PublicKeyAuthContext): 'ask' | 'accept' | 'refuse' {
    const known = this.#find(context.key.data);
    // Without a hash of its own, `ssh-rsa` means SHA-1.
    if (!known || known.key.type !== context.key.algo) return 'refuse';
    if (context.key.algo === 'ssh-rsa' && context.hashAlgo === undefined) return 'refuse';
    if (context.signature === undefined) return 'ask';
    if (context.blob === undefined) return 'refuse';
    return known.key.verify(context.blob, context.signature, context.hashAlgo) === true ? 'accept' : 'refuse';
  }

  #find(blob: Buffer): KnownKey | undefined {
    return this.#keys.find((known) => known.blob.equals(blob));
  }
}
