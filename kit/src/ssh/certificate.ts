/**
 * User certificates of OpenSSH's kind: a key, whom it may enter as, from when until when, signed by an authority. Read
 * strictly, and judged by the jump, by the API and by the worker's SSH side alike.
 *
 * Only Ed25519 authorities are known here, so none can itself be a certificate. Of critical options only `source-address` is
 * understood: every other one refuses the certificate, as its issuer meant it to.
 * Source: OpenSSH, PROTOCOL.certkeys.
 */
import { isKeyType, type KeyType, type PublicKey, publicKeyText, readKeyFields } from './public-key.ts';
import { Reader, record, WireError } from './wire.ts';

const suffix = '-cert-v01@openssh.com';
/** A certificate of an RSA key of 16,384 bits takes a quarter of it. */
const maxBlobBytes = 12_288;
const maxPrincipals = 16;
const maxTextBytes = 1_024;
/** Source: PROTOCOL.certkeys, `SSH_CERT_TYPE_USER`. */
export const CERTIFICATE_TYPES = { user: 1, host: 2 } as const;
const authorityType = 'ssh-ed25519';

export interface Certificate {
  /** Of the certificate itself: `ssh-ed25519-cert-v01@openssh.com`. */
  type: string;
  blob: Buffer;
  /** What it certifies. */
  key: PublicKey;
  serial: bigint;
  /** 1 for users, 2 for hosts. */
  kind: number;
  keyId: string;
  principals: readonly string[];
  /** Seconds since 1970: good from the first to before the second. */
  validAfter: bigint;
  validBefore: bigint;
  criticalOptions: ReadonlyMap<string, string>;
  extensions: ReadonlyMap<string, string>;
  /** The authority's key as a blob, what it signed, and its signature: checked by `judgeCertificate`. */
  authority: Buffer;
  signed: Buffer;
  signature: Buffer;
}

/** Undefined for what names no certificate of a key of ours. */
export function certifiedType(type: string): KeyType | undefined {
  if (!type.endsWith(suffix)) return undefined;
  const base = type.slice(0, -suffix.length);
  return [base, `${base}@openssh.com`].find(isKeyType);
}

export function certificateType(type: KeyType): string {
  return type.replace('@openssh.com', '') + suffix;
}

/** Null for anything but exactly one certificate in its one form. Nothing of it is believed yet. */
export function readCertificate(blob: Buffer): Certificate | null {
  if (blob.length > maxBlobBytes) return null;
  try {
    return read(blob);
  } catch (err) {
    if (err instanceof WireError) return null;
    throw err;
  }
}

function read(blob: Buffer): Certificate | null {
  const fields = new Reader(blob, 0);
  const type = text(fields);
  const keyType = certifiedType(type);
  if (!keyType) return null;
  fields.string(); // The nonce.
  const keyAt = fields.position;
  const key = readKeyFields(keyType, fields);
  const keyBlob = Buffer.concat([record(keyType), blob.subarray(keyAt, fields.position)]);
  const certificate = {
    type,
    blob,
    key: { type: keyType, blob: keyBlob, ...key },
    serial: fields.uint64(),
    kind: fields.uint32(),
    keyId: text(fields),
    principals: readPrincipals(fields.string()),
    validAfter: fields.uint64(),
    validBefore: fields.uint64(),
    criticalOptions: readOptions(fields.string()),
    extensions: readOptions(fields.string()),
  };
  fields.string(); // Reserved.
  const authority = fields.string();
  const signed = blob.subarray(0, fields.position);
  const signature = fields.string();
  fields.end();
  return { ...certificate, authority, signed, signature };
}

function readPrincipals(bytes: Buffer): string[] {
  const principals: string[] = [];
  for (const fields = new Reader(bytes, 0); fields.position < bytes.length; ) {
    if (principals.length >= maxPrincipals) throw new WireError('a certificate has too many principals');
    principals.push(text(fields));
  }
  return principals;
}

/** Pairs in the order of their names, each once; a value is a string in a string, or empty. */
function readOptions(bytes: Buffer): Map<string, string> {
  const options = new Map<string, string>();
  let last = '';
  for (const fields = new Reader(bytes, 0); fields.position < bytes.length; ) {
    const name = text(fields);
    if (name <= last) throw new WireError('the options of a certificate are not in order');
    last = name;
    const data = fields.string();
    const inner = new Reader(data, 0);
    options.set(name, data.length === 0 ? '' : text(inner));
    if (data.length > 0) inner.end();
  }
  return options;
}

/** Printable ASCII: what stands in certificates is compared and written into logs. */
function text(fields: Reader): string {
  const bytes = fields.string();
  if (bytes.length > maxTextBytes || bytes.some((byte) => byte < 0x20 || byte > 0x7e)) {
    throw new WireError('a text in a certificate is none');
  }
  return bytes.toString('latin1');
}

/** What a new certificate says. The authority signs what `sign` is given. */
export interface CertificateContents
  extends Pick<
    Certificate,
    'serial' | 'kind' | 'keyId' | 'principals' | 'validAfter' | 'validBefore' | 'criticalOptions' | 'extensions'
  > {
  key: PublicKey;
  nonce: Buffer;
  /** The authority's key as a blob. */
  authority: Buffer;
}

/** `type base64`, as in a `-cert.pub` file. `sign` gives the bare signature. */
export function writeCertificate(contents: CertificateContents, sign: (data: Buffer) => Buffer): string {
  const { key, nonce, serial, kind, keyId, principals, validAfter, validBefore } = contents;
  const type = certificateType(key.type);
  const keyFields = key.blob.subarray(record(key.type).length);
  const signed = Buffer.concat([
    record(type, nonce),
    keyFields,
    record(serial, kind, keyId, record(...principals), validAfter, validBefore),
    record(writeOptions(contents.criticalOptions), writeOptions(contents.extensions), '', contents.authority),
  ]);
  return publicKeyText(type, Buffer.concat([signed, record(record(authorityType, sign(signed)))]));
}

function writeOptions(options: ReadonlyMap<string, string>): Buffer {
  const sorted = [...options].sort(([a], [b]) => (a < b ? -1 : 1));
  return record(...sorted.flatMap(([name, value]) => [name, value === '' ? '' : record(value)]));
}
