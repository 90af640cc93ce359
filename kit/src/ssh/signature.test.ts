import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeWith } from '../../../test/kit/describe-with.ts';
import { SECURITY_KEY_TYPES, SecurityKey, startAgent, TOUCHED, VERIFIED } from '../../../test/kit/security-key.ts';
import { runProgram } from '../../../test/kit/stack.ts';
import { ed25519Blob, readPublicKey } from './public-key.ts';
import { proofOf } from './signature.ts';
import { record } from './wire.ts';

const data = randomBytes(100);

describe.each(SECURITY_KEY_TYPES)('a signature of a security key (%s)', (type) => {
  const authenticator = new SecurityKey(type);
  const key = readPublicKey(authenticator.blob)!;
  const algorithm = type;
  const signedWith = (flags: number, more = data) => {
    authenticator.flags = flags;
    return authenticator.sign(more);
  };

  it('proves that somebody touched it, and says whether there was a PIN', () => {
    expect(proofOf({ algorithm, key, data, signature: signedWith(TOUCHED) })).toEqual({ isUserVerified: false });
    expect(proofOf({ algorithm, key, data, signature: signedWith(TOUCHED | VERIFIED) })).toEqual({
      isUserVerified: true,
    });
  });

  it('proves nothing without a touch', () => {
    expect(proofOf({ algorithm, key, data, signature: signedWith(0) })).toBeNull();
    expect(proofOf({ algorithm, key, data, signature: signedWith(VERIFIED) })).toBeNull();
  });

  it('covers the flags, the counter, the application and the message', () => {
    const signature = signedWith(TOUCHED);
    for (let back = 1; back <= 5; back++) {
      const forged = Buffer.from(signature);
      forged[forged.length - back]! ^= back === 5 ? VERIFIED : 1;
      expect(proofOf({ algorithm, key, data, signature: forged })).toBeNull();
    }
    expect(proofOf({ algorithm, key, data: randomBytes(100), signature })).toBeNull();
    expect(proofOf({ algorithm, key: { ...key, application: 'ssh:x' }, data, signature })).toBeNull();
    expect(proofOf({ algorithm, key: { ...key, application: null }, data, signature })).toBeNull();
  });

  it('is whole, and of the algorithm that it names', () => {
    const signature = signedWith(TOUCHED);
    for (let length = 0; length < signature.length; length++) {
      expect(proofOf({ algorithm, key, data, signature: signature.subarray(0, length) })).toBeNull();
    }
    const longer = Buffer.concat([signature, Buffer.from([0])]);
    expect(proofOf({ algorithm, key, data, signature: longer })).toBeNull();
    expect(proofOf({ algorithm: 'ssh-ed25519', key, data, signature })).toBeNull();
    expect(proofOf({ algorithm: 'toString', key, data, signature })).toBeNull();
  });
});

it('of an ordinary key proves nothing for a security key of the same numbers, and the other way round', () => {
  const pair = generateKeyPairSync('ed25519');
  const plain = ed25519Blob(pair.publicKey);
  const security = readPublicKey(record('sk-ssh-ed25519@openssh.com', plain.subarray(-32), 'ssh:'))!;
  const signature = record('ssh-ed25519', sign(null, data, pair.privateKey));
  expect(proofOf({ algorithm: 'ssh-ed25519', key: readPublicKey(plain)!, data, signature })).toEqual({
    isUserVerified: null,
  });
  for (const algorithm of ['ssh-ed25519', 'sk-ssh-ed25519@openssh.com']) {
    expect(proofOf({ algorithm, key: security, data, signature })).toBeNull();
  }
});

describeWith(['openssh client'], 'the security keys of these tests', () => {
  it.each(SECURITY_KEY_TYPES)('sign so that OpenSSH itself takes it (%s)', async (type) => {
    const folder = mkdtempSync(join(tmpdir(), 'easel-signature-'));
    const key = new SecurityKey(type);
    const agent = await startAgent(folder, [key]);
    const [file, pub, signers] = ['file', 'key.pub', 'signers'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(file, data);
    writeFileSync(pub, `${key.publicKey}\n`);
    writeFileSync(signers, `ada ${key.publicKey}\n`);
    const env = { SSH_AUTH_SOCK: agent.socketPath };
    expect(await runProgram('ssh-keygen', ['-Y', 'sign', '-n', 'test', '-f', pub, file], { env })).toMatchObject({
      code: 0,
    });
    const verify = ['-Y', 'verify', '-n', 'test', '-I', 'ada', '-f', signers, '-s', `${file}.sig`];
    expect(await runProgram('ssh-keygen', verify, { input: data })).toMatchObject({ code: 0 });
    agent.close();
    rmSync(folder, { recursive: true });
  });
});
