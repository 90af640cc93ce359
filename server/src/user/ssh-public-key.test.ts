import { generateKeyPairSync } from 'node:crypto';
import { newSshKeyPair } from '@easel/kit/ssh/private-key';
import { record } from '@easel/kit/ssh/wire';
import { AppError } from '@easel/schema/errors';
import { describe, expect, it } from 'vitest';
import { mpint, SECURITY_KEY_TYPES, SecurityKey } from '../../../test/kit/security-key.ts';
import { parseSshPublicKey } from './ssh-public-key.ts';

const ED25519 = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDoY+15hVQm1ShYg+KO0wnkLE+KyO1gz2IDa58RmkKqe';

function refusal(text: string): AppError {
  try {
    parseSshPublicKey(text);
  } catch (err) {
    if (err instanceof AppError) return err;
    throw err;
  }
  throw new Error(`was not refused: ${text}`);
}

const line = (type: string, ...fields: (string | Buffer)[]) => `${type} ${record(type, ...fields).toString('base64')}`;
const rsa = (modulusLength: number) => {
  const { e = '', n = '' } = generateKeyPairSync('rsa', { modulusLength }).publicKey.export({ format: 'jwk' });
  return line('ssh-rsa', Buffer.from(e, 'base64url'), mpint(Buffer.from(n, 'base64url')));
};
const ecdsa = (bits: 256 | 384 | 521) => {
  const { x = '', y = '' } = generateKeyPairSync('ec', { namedCurve: `P-${bits}` }).publicKey.export({ format: 'jwk' });
  const point = Buffer.concat([Buffer.from([4]), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
  return line(`ecdsa-sha2-nistp${bits}`, `nistp${bits}`, point);
};
const offCurve = line('ecdsa-sha2-nistp256', 'nistp256', Buffer.alloc(65, 4));

describe('a public key', () => {
  it.each([
    ['ssh-ed25519', ED25519],
    ['ssh-rsa', rsa(2048)],
    ['ecdsa-sha2-nistp256', ecdsa(256)],
    ['ecdsa-sha2-nistp384', ecdsa(384)],
    ['ecdsa-sha2-nistp521', ecdsa(521)],
  ])('of %s is taken', (algorithm, line) => {
    expect(parseSshPublicKey(line)).toMatchObject({
      algorithm,
      publicKey: line,
      comment: '',
      isSecurityKey: false,
    });
  });

  it.each(SECURITY_KEY_TYPES)('may lie in a security key (%s)', (algorithm) => {
    const { publicKey } = new SecurityKey(algorithm);
    expect(parseSshPublicKey(publicKey)).toMatchObject({ algorithm, publicKey, isSecurityKey: true });
  });

  it('has the fingerprint that ssh-keygen prints', () => {
    // ssh-keygen -lf: 256 SHA256:… (ED25519)
    expect(parseSshPublicKey(ED25519).fingerprint).toBe('SHA256:zEEI3UDWgGzXFFMom/66Lgm+6lFDbuuOXa1vOoaKJXs');
  });

  it('is stored without its comment and the space around it', () => {
    expect(parseSshPublicKey(`  ${ED25519}  me@my machine \n`)).toMatchObject({
      publicKey: ED25519,
      comment: 'me@my machine',
    });
  });
});

describe('what is refused, and why', () => {
  const pem = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs1', format: 'pem' });
  it.each([
    ['a private key of OpenSSH', newSshKeyPair().privateKey, 'must never leave your machine'],
    ['a private key in PEM', pem.toString(), 'must never leave your machine'],
    ['a weak RSA key', rsa(1024), 'at least 2048 bits, got 1024'],
    ['a DSA key', 'ssh-dss AAAAB3NzaC1kc3MAAACBAP', 'DSA keys are too weak'],
    [
      'a security key of a website',
      new SecurityKey(SECURITY_KEY_TYPES[0], 'https://a.example').publicKey,
      'not made for SSH',
    ],
    ['a security key cut short', new SecurityKey(SECURITY_KEY_TYPES[0]).publicKey.slice(0, -8), 'damaged'],
    ['a point that is on no curve', offCurve, 'damaged'],
    ['a certificate', 'ssh-ed25519-cert-v01@openssh.com AAAAIHNzaC1lZDI1NTE5', 'got a certificate'],
    ['options before the key', `command="id" ${ED25519}`, 'OpenSSH’s form'.replace('’', "'")],
    ['two keys', `${ED25519}\n${ED25519}`, 'one key on one line'],
    ['a key cut short', ED25519.slice(0, -8), 'damaged'],
    ['bytes after the key', `${ED25519.slice(0, -1)}eAAAA`, 'damaged'],
    ['another algorithm than it says', ED25519.replace('ssh-ed25519', 'ssh-rsa'), 'damaged'],
    ['no base64', 'ssh-ed25519 hello', 'damaged'],
    ['nothing but the algorithm', 'ssh-ed25519', 'damaged'],
    ['nothing', '', "OpenSSH's form"],
    ['something else', 'hello world', "OpenSSH's form"],
    ['a path', '~/.ssh/id_ed25519.pub', "OpenSSH's form"],
    ['far too much', `ssh-rsa ${'A'.repeat(20_000)}`, 'at most 16384 characters'],
  ])('%s', (_what, text, message) => {
    const err = refusal(text);
    expect(err).toMatchObject({ code: 'INVALID_INPUT', details: { fields: [{ path: 'publicKey' }] } });
    expect(err.message).toContain(message);
  });

  it('never repeats a private key', () => {
    expect(refusal(pem.toString()).message).not.toContain(pem.toString().split('\n')[1]);
  });
});
