import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { describeWith } from '../../../test/kit/describe-with.ts';
import { SECURITY_KEY_TYPES, SecurityKey } from '../../../test/kit/security-key.ts';
import { fingerprintOf, keyObjectOf, readPublicKey } from './public-key.ts';
import { record } from './wire.ts';

const folder = mkdtempSync(join(tmpdir(), 'easel-keys-'));
afterAll(() => rmSync(folder, { recursive: true }));

const made = [
  ['ed25519', 256],
  ['ecdsa', 256],
  ['ecdsa', 384],
  ['ecdsa', 521],
  ['rsa', 2048],
  ['rsa', 3072],
] as const;

describeWith(['openssh client'], 'keys that OpenSSH has made', () => {
  it.each(made)(
    'of %s %d bits are read, with the fingerprint that it shows, and nothing but whole',
    (type, bits) => {
      const file = join(folder, `${type}-${bits}`);
      execFileSync('ssh-keygen', ['-q', '-t', type, '-b', String(bits), '-N', '', '-f', file]);
      const [algorithm, base64 = ''] = readFileSync(`${file}.pub`, 'utf8').split(' ');
      const blob = Buffer.from(base64, 'base64');
      const key = readPublicKey(blob);
      expect(key).toMatchObject({ type: algorithm, application: null });
      expect(keyObjectOf(key!).type).toBe('public');
      expect(execFileSync('ssh-keygen', ['-lf', `${file}.pub`], { encoding: 'utf8' })).toContain(fingerprintOf(blob));
      isReadWholeOnly(blob);
    },
    30_000,
  );
});

it.each(SECURITY_KEY_TYPES)('a security key (%s) is read with what it signs for, and nothing but whole', (type) => {
  const { blob } = new SecurityKey(type);
  expect(readPublicKey(blob)).toMatchObject({ type, application: 'ssh:' });
  isReadWholeOnly(blob);
});

it.each([
  ['an unknown type', record('ssh-dss', Buffer.alloc(20))],
  ['an Ed25519 key that is too short', record('ssh-ed25519', Buffer.alloc(31))],
  ['a compressed point', record('ecdsa-sha2-nistp256', 'nistp256', Buffer.alloc(33, 2))],
  ['a point of another curve', record('ecdsa-sha2-nistp256', 'nistp384', Buffer.alloc(97, 4))],
  ['a negative modulus', record('ssh-rsa', Buffer.from([1, 0, 1]), Buffer.alloc(256, 0xff))],
  ['a modulus with zeros in front', record('ssh-rsa', Buffer.from([1, 0, 1]), Buffer.alloc(257, 0))],
  ['a huge exponent', record('ssh-rsa', Buffer.alloc(256, 1), Buffer.alloc(256, 1))],
  ['a key of a megabyte', record('ssh-rsa', Buffer.from([1, 0, 1]), Buffer.alloc(1_000_000, 1))],
  ['nothing', Buffer.alloc(0)],
])('%s is no key', (_name, blob) => expect(readPublicKey(blob)).toBeNull());

function isReadWholeOnly(blob: Buffer): void {
  for (let length = 0; length < blob.length; length++) expect(readPublicKey(blob.subarray(0, length))).toBeNull();
  expect(readPublicKey(Buffer.concat([blob, Buffer.from([0])]))).toBeNull();
}
