/**
 * The jump's own keys: made at the first start, the same ever after, so that clients never have to ask who this is. Ed25519
 * for everybody, RSA for clients that know nothing newer.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ed25519Blob } from '@easel/kit/ssh/public-key';
import { record } from '@easel/kit/ssh/wire';
import type { HostKey } from 'ssh2/lib/protocol/Protocol.js';

/** 128 bits of strength (NIST SP 800-57). */
const rsaBits = 3072;

const makers = {
  'host_ed25519.pem': () => generateKeyPairSync('ed25519').privateKey,
  'host_rsa.pem': () => generateKeyPairSync('rsa', { modulusLength: rsaBits }).privateKey,
} satisfies Record<string, () => KeyObject>;

/** By the name of the signature algorithm. Throws when the folder cannot be used or a key in it can be read by others. */
export function openHostKeys(folder: string): Record<string, HostKey> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const ed25519 = openKey(folder, 'host_ed25519.pem');
  const rsa = openKey(folder, 'host_rsa.pem');
  const rsaKey = hostKey(rsa, 'ssh-rsa');
  return { 'ssh-ed25519': hostKey(ed25519, 'ssh-ed25519'), 'rsa-sha2-512': rsaKey, 'rsa-sha2-256': rsaKey };
}

function openKey(folder: string, name: keyof typeof makers): KeyObject {
  const path = join(folder, name);
  const found = readKey(path);
  if (found) return found;
  const made = makers[name]().export({ type: 'pkcs8', format: 'pem' });
  const draft = `${path}.${process.pid}`;
  writeFileSync(draft, made, { mode: 0o600, flag: 'wx' });
  try {
    // Fails when another replica on the same folder was quicker: its key counts.
    linkSync(draft, path);
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== 'EEXIST') throw err;
  } finally {
    rmSync(draft, { force: true });
  }
  return readKey(path) as KeyObject;
}

function readKey(path: string): KeyObject | undefined {
  try {
    const mode = statSync(path).mode & 0o777;
    if ((mode & 0o077) !== 0) {
      throw new Error(`${path} can be read by others (mode ${mode.toString(8)}): run "chmod 600 ${path}"`);
    }
    return createPrivateKey(readFileSync(path));
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw err;
  }
}

function hostKey(key: KeyObject, type: 'ssh-ed25519' | 'ssh-rsa'): HostKey {
  const blob = type === 'ssh-ed25519' ? ed25519Blob(key) : rsaBlob(key);
  return {
    type,
    getPublicSSH: () => blob,
    sign: (data, algorithm) => sign(type === 'ssh-ed25519' ? null : (algorithm ?? 'sha512'), data, key),
  };
}

/** RFC 4253 §6.6. */
function rsaBlob(key: KeyObject): Buffer {
  const { e = '', n = '' } = createPublicKey(key).export({ format: 'jwk' });
  return record('ssh-rsa', mpint(Buffer.from(e, 'base64url')), mpint(Buffer.from(n, 'base64url')));
}

function mpint(bytes: Buffer): Buffer {
  return (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes;
}
