import ssh2 from 'ssh2';
import { expect, it } from 'vitest';
import { newSshKeyPair } from './ssh-key-pair.ts';

it('makes only keys that can be read', () => {
  for (let i = 0; i < 1000; i++) {
    const { privateKey, publicKey } = newSshKeyPair();
    expect(ssh2.utils.parseKey(privateKey)).not.toBeInstanceOf(Error);
    expect(ssh2.utils.parseKey(publicKey)).not.toBeInstanceOf(Error);
  }
});
