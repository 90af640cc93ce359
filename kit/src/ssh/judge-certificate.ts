/** Whether a certificate is one of ours, and good now. What it says of a person is checked by those who know persons. */
import { BlockList, isIP } from 'node:net';
import { CERTIFICATE_TYPES, type Certificate } from './certificate.ts';
import { readPublicKey } from './public-key.ts';
import { proofOf } from './signature.ts';

/** Clocks differ. A certificate is good a little before its time, never after it. */
const earlySeconds = 30;
const sourceAddress = 'source-address';

export interface CertificateJudge {
  /** `ssh-ed25519 base64` of each authority that may sign. */
  authorities: readonly string[];
  nowMs: number;
  /** Where its holder comes from; null where that cannot be known: then a certificate that is bound to addresses is refused. */
  address: string | null;
}

/** Null when it is good; else what is wrong, for the log. */
export function whatIsWrong(certificate: Certificate, judge: CertificateJudge): string | null {
  return (
    whatIsWrongWithIssue(certificate, judge.authorities) ??
    whatIsWrongWithTime(certificate, judge.nowMs) ??
    whatIsWrongWithSource(certificate, judge.address)
  );
}

/** The same but for its time and place: for a connection that stands, which outlives its certificate. */
export function whatIsWrongWithIssue(certificate: Certificate, authorities: readonly string[]): string | null {
  const { kind, principals, criticalOptions } = certificate;
  if (kind !== CERTIFICATE_TYPES.user) return 'it is not for users';
  if (principals.length === 0) return 'it names nobody';
  const unknown = [...criticalOptions.keys()].find((name) => name !== sourceAddress);
  if (unknown !== undefined) return `it has the critical option "${unknown}", which is not known here`;
  return isSignedByOneOf(certificate, authorities) ? null : 'no authority of ours has signed it';
}

function whatIsWrongWithTime({ validAfter, validBefore }: Certificate, nowMs: number): string | null {
  const nowSeconds = BigInt(Math.floor(nowMs / 1000));
  if (nowSeconds + BigInt(earlySeconds) < validAfter) return 'it is not good yet';
  return nowSeconds >= validBefore ? 'it has run out' : null;
}

function whatIsWrongWithSource({ criticalOptions }: Certificate, address: string | null): string | null {
  const ranges = criticalOptions.get(sourceAddress);
  if (ranges === undefined) return null;
  return address !== null && isWithin(address, ranges) ? null : 'it is for other addresses';
}

function isSignedByOneOf({ authority, signed, signature }: Certificate, authorities: readonly string[]): boolean {
  const key = readPublicKey(authority);
  if (key?.type !== 'ssh-ed25519') return false;
  if (!authorities.includes(`ssh-ed25519 ${authority.toString('base64')}`)) return false;
  return proofOf({ algorithm: 'ssh-ed25519', key, signature, data: signed }) !== null;
}

/** `ranges`: addresses with or without a number of bits, and commas between. False for anything malformed. */
export function isWithin(address: string, ranges: string): boolean {
  const list = new BlockList();
  for (const range of ranges.split(',')) {
    const subnet = subnetOf(range);
    if (!subnet) return false;
    list.addSubnet(subnet.base, subnet.bits, subnet.family);
  }
  const plain = address.replace(/^::ffff:(?=\d+\.)/, '');
  const family = isIP(plain);
  return family !== 0 && list.check(plain, family === 4 ? 'ipv4' : 'ipv6');
}

/** Whether a text is an address, or one with a number of bits. */
export function isAddressRange(text: string): boolean {
  return subnetOf(text) !== null;
}

function subnetOf(range: string): { base: string; bits: number; family: 'ipv4' | 'ipv6' } | null {
  const [base = '', bits, ...more] = range.split('/');
  const family = isIP(base);
  const most = family === 4 ? 32 : 128;
  if (family === 0 || more.length > 0 || base.includes('%')) return null;
  if (bits !== undefined && (!/^\d{1,3}$/.test(bits) || Number(bits) > most)) return null;
  return { base, bits: bits === undefined ? most : Number(bits), family: family === 4 ? 'ipv4' : 'ipv6' };
}
