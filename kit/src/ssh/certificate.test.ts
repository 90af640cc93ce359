import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '@easel/schema/ids';
import { holderOf } from '@easel/schema/wire/ssh-certificate';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../../../test/kit/describe-with.ts';
import { SECURITY_KEY_TYPES, SecurityKey } from '../../../test/kit/security-key.ts';
import { badCertificates, TestAuthority } from '../../../test/kit/ssh-authority.ts';
import { readCertificate } from './certificate.ts';
import { isWithin, whatIsWrong } from './judge-certificate.ts';
import { newSshKeyPair } from './private-key.ts';

const authority = new TestAuthority();
const userId = newId('user');
const { publicKey } = newSshKeyPair();
const blobOf = (certificate: string) => Buffer.from(certificate.split(' ')[1] ?? '', 'base64');
const problemOf = (certificate: string) => {
  const read = readCertificate(blobOf(certificate));
  const judge = { authorities: [authority.text], nowMs: Date.now(), address: '127.0.0.1' };
  if (!read) return 'unreadable';
  return whatIsWrong(read, judge) ?? (holderOf(read)?.userId === userId ? null : 'of somebody else');
};

describeWith(['openssh client'], 'certificates', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'easel-certificates-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  const shown = (certificate: string) => {
    writeFileSync(join(folder, 'shown.pub'), `${certificate}\n`);
    return execFileSync('ssh-keygen', ['-Lf', join(folder, 'shown.pub')], { encoding: 'utf8' });
  };
  const keyOf = (type: string, bits: number) => {
    const file = join(folder, `${type}-${bits}`);
    execFileSync('ssh-keygen', ['-q', '-t', type, '-b', `${bits}`, '-N', '', '-C', '', '-f', file]);
    return readFileSync(`${file}.pub`, 'utf8').trim();
  };

  it.each([
    ['ed25519', 256],
    ['ecdsa', 256],
    ['ecdsa', 384],
    ['ecdsa', 521],
    ['rsa', 2048],
  ] as const)('of %s keys of %d bits are what ssh-keygen shows of them', (type, bits) => {
    const key = keyOf(type, bits);
    const criticalOptions = new Map([['source-address', '127.0.0.0/8,::1']]);
    const certificate = authority.certify(key, userId, { serial: 2n ** 62n, criticalOptions });
    const text = shown(certificate);
    for (const expected of [`Serial: ${2n ** 62n}`, userId, 'source-address 127.0.0.0/8,::1', 'permit-pty', ' ada"']) {
      expect(text).toContain(expected);
    }
    expect(text).toMatch(/Type: \S+-cert-v01@openssh\.com user certificate/);
    expect(problemOf(certificate)).toBeNull();
    expect(readCertificate(blobOf(certificate))?.key.blob.toString('base64')).toBe(key.split(' ')[1]);
  });

  it.each(SECURITY_KEY_TYPES)('of security keys (%s) are, too', (type) => {
    const certificate = authority.certify(new SecurityKey(type).publicKey, userId);
    expect(shown(certificate)).toContain('user certificate');
    expect(problemOf(certificate)).toBeNull();
  });

  it('of ssh-keygen are read as they are', () => {
    const ca = join(folder, 'ca');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', ca]);
    const key = join(folder, 'theirs');
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    const options = ['-I', 'an id', '-n', 'a,b', '-z', '7', '-V', '+5m', '-O', 'source-address=127.0.0.1'];
    execFileSync('ssh-keygen', ['-q', '-s', ca, ...options, `${key}.pub`], { stdio: 'ignore' });
    const read = readCertificate(blobOf(readFileSync(`${key}-cert.pub`, 'utf8')));
    expect(read).toMatchObject({ serial: 7n, keyId: 'an id', principals: ['a', 'b'], kind: 1 });
    const authorities = [readFileSync(`${ca}.pub`, 'utf8').split(' ').slice(0, 2).join(' ')];
    expect(whatIsWrong(read!, { authorities, nowMs: Date.now(), address: '127.0.0.1' })).toBeNull();
    expect(whatIsWrong(read!, { authorities, nowMs: Date.now(), address: '127.0.0.2' })).toMatch(/other addresses/);
    expect(whatIsWrong(read!, { authorities, nowMs: Date.now(), address: null })).toMatch(/other addresses/);
  });
});

it.each(badCertificates(authority, publicKey, userId))('a certificate that %s is refused', (_why, certificate) => {
  expect(problemOf(certificate)).not.toBeNull();
});

it('a certificate is read whole only, and no bit of it may change', () => {
  const blob = blobOf(authority.certify(publicKey, userId));
  expect(problemOf(`x ${blob.toString('base64')}`)).toBeNull();
  for (let length = 0; length < blob.length; length++) expect(readCertificate(blob.subarray(0, length))).toBeNull();
  expect(readCertificate(Buffer.concat([blob, Buffer.from([0])]))).toBeNull();
  for (let at = 0; at < blob.length; at++) {
    const forged = Buffer.from(blob);
    forged[at]! ^= 1;
    expect(problemOf(`x ${forged.toString('base64')}`)).not.toBeNull();
  }
});

it.each([
  ['127.0.0.1', '127.0.0.0/8', true],
  ['::ffff:127.0.0.1', '127.0.0.1', true],
  ['2001:db8::1', '198.51.100.0/24,2001:db8::/32', true],
  ['198.51.101.1', '198.51.100.0/24', false],
  ['127.0.0.1', '', false],
  ['127.0.0.1', '127.0.0.1/', false],
  ['127.0.0.1', '127.0.0.1/8/8', false],
  ['127.0.0.1', '127.0.0.1,nonsense', false],
  ['nonsense', '0.0.0.0/0', false],
])('%s is within %j: %s', (address, ranges, expected) => expect(isWithin(address, ranges)).toBe(expected));
