import { expect, test } from 'vitest';
import { checkPublicKey, fingerprintOf, nameFrom } from './public-key.ts';

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJVNsesgCbpkT9yKog6yD9Eb4dLok1A6vwqU3EHM8TBb anna@laptop';

test('a public key is recognised, with the fingerprint that ssh-keygen shows', async () => {
  const check = checkPublicKey(`${KEY}\n`);
  if (!check.isKey) throw new Error('not recognised');
  expect(check).toMatchObject({ algorithm: 'ssh-ed25519', comment: 'anna@laptop', line: KEY });
  expect(await fingerprintOf(check.bytes)).toBe('SHA256:MLr9ltFkQ6Pk/3xCabIbFfw17BErjfbQxXvT1boJfZM');
  expect(nameFrom(check.comment)).toBe('laptop');
});

test('a private key is never taken', () => {
  const check = checkPublicKey('-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz');
  expect(check).toMatchObject({ isKey: false, problem: expect.stringContaining('private') });
});

test.each([
  'hello',
  'ssh-ed25519',
  'ssh-ed25519 !!!!',
  KEY.replace('ssh-ed25519', 'ssh-rsa'),
  `${KEY}\n${KEY}`,
  `command="sh" ${KEY}`,
])('%j is not a key', (text) => {
  expect(checkPublicKey(text)).toMatchObject({ isKey: false, problem: expect.stringContaining('one line') });
});

test('an empty field is no problem yet', () => {
  expect(checkPublicKey('  ')).toEqual({ isKey: false, problem: null });
});
