/**
 * A key pair with a certificate that it signs itself. Providers of SAML want our public key in this form; who signed it means
 * nothing to them, since an administrator gives it to them by hand.
 * Source: RFC 5280 §4.1, X.690 (DER).
 */
import { generateKeyPair, randomBytes, sign } from 'node:crypto';
import { promisify } from 'node:util';

const KEY_BITS = 3072;
const YEARS = 10;

export interface KeyAndCertificate {
  /** PEM, PKCS #8. */
  privateKey: string;
  /** PEM. */
  certificate: string;
}

export async function newKeyAndCertificate(commonName: string, now: Date): Promise<KeyAndCertificate> {
  const { privateKey, publicKey } = await promisify(generateKeyPair)('rsa', { modulusLength: KEY_BITS });
  const algorithm = sequence(oid(SHA256_WITH_RSA), der(0x05));
  const name = sequence(der(0x31, sequence(oid(COMMON_NAME), der(0x0c, Buffer.from(commonName)))));
  const end = new Date(now);
  end.setUTCFullYear(end.getUTCFullYear() + YEARS);
  const isNoAuthority = sequence(oid(BASIC_CONSTRAINTS), der(0x04, sequence()));
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([0x01]), randomBytes(15)])),
    algorithm,
    name,
    sequence(utcTime(now), utcTime(end)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(isNoAuthority)),
  );
  const signature = der(0x03, Buffer.from([0]), sign('sha256', body, privateKey));
  return {
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    certificate: pemOf(sequence(body, algorithm, signature)),
  };
}

/** A certificate in the form that libraries take. */
export function pemOf(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

const SHA256_WITH_RSA = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b];
const COMMON_NAME = [0x55, 0x04, 0x03];
const BASIC_CONSTRAINTS = [0x55, 0x1d, 0x13];

function der(tag: number, ...parts: Buffer[]): Buffer {
  const value = Buffer.concat(parts);
  if (value.length < 0x80) return Buffer.concat([Buffer.from([tag, value.length]), value]);
  const hex = value.length.toString(16);
  const length = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, value]);
}

const sequence = (...parts: Buffer[]) => der(0x30, ...parts);
const oid = (bytes: readonly number[]) => der(0x06, Buffer.from(bytes));

/** Good until 2049. */
function utcTime(at: Date): Buffer {
  const digits = at.toISOString().replace(/\D/g, '').slice(2, 14);
  return der(0x17, Buffer.from(`${digits}Z`));
}
