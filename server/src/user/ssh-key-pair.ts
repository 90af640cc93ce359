import ssh2 from 'ssh2';
import { fingerprintOf } from './ssh-fingerprint.ts';

export interface SshKeyPair {
  /** OpenSSH PEM. */
  privateKey: string;
  /** `ssh-ed25519 base64`. */
  publicKey: string;
  fingerprint: string;
}

/** A new Ed25519 key. */
export function newSshKeyPair(): SshKeyPair {
  const pair = ssh2.utils.generateKeyPairSync('ed25519');
  const blob = Buffer.from(pair.public.split(' ')[1] ?? '', 'base64');
  return { privateKey: pair.private, publicKey: pair.public, fingerprint: fingerprintOf(blob) };
}
