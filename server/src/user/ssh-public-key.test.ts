import { generateKeyPairSync } from 'node:crypto';
import { AppError } from '@easel/schema/errors';
import ssh2 from 'ssh2';
import { describe, expect, it } from 'vitest';
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

const rsa = (bits: number) => ssh2.utils.generateKeyPairSync('rsa', { bits }).public;
const ecdsa = (bits: 256 | 384 | 521) => ssh2.utils.generateKeyPairSync('ecdsa', { bits }).public;

describe('a public key', () => {
  it.each([
    ['ssh-ed25519', ED25519],
    ['ssh-rsa', rsa(2048)],
    ['ecdsa-sha2-nistp256', ecdsa(256)],
    ['ecdsa-sha2-nistp384', ecdsa(384)],
    ['ecdsa-sha2-nistp521', ecdsa(521)],
  ])('of %s is taken', (algorithm, line) => {
    expect(parseSshPublicKey(line)).toMatchObject({ algorithm, publicKey: line, comment: '' });
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
    ['a private key of OpenSSH', ssh2.utils.generateKeyPairSync('ed25519').private, 'must never leave your machine'],
    ['a private key in PEM', pem.toString(), 'must never leave your machine'],
    ['a weak RSA key', rsa(1024), 'at least 2048 bits, got 1024'],
    ['a DSA key', 'ssh-dss AAAAB3NzaC1kc3MAAACBAP', 'DSA keys are too weak'],
    [
      'a key on a security token',
      'sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29t',
      'security tokens',
    ],
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
