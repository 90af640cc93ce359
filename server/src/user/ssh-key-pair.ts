import { AppError } from '@easel/schema/errors';
import ssh2 from 'ssh2';
import { fingerprintOf } from './ssh-fingerprint.ts';

export interface SshKeyPair {
  /** OpenSSH PEM. */
  privateKey: string;
  /** `ssh-ed25519 base64`. */
  publicKey: string;
  fingerprint: string;
}

/** About one key of 375 that ssh2 makes is written with a byte too few and can be read by nobody; so many in a row are none. */
const MAX_ATTEMPTS = 20;

/** A new Ed25519 key. */
export function newSshKeyPair(): SshKeyPair {
  const pair = readablePair();
  const blob = Buffer.from(pair.public.split(' ')[1] ?? '', 'base64');
  return { privateKey: pair.private, publicKey: pair.public, fingerprint: fingerprintOf(blob) };
}

function readablePair(): { private: string; public: string } {
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const pair = ssh2.utils.generateKeyPairSync('ed25519');
    if (!(ssh2.utils.parseKey(pair.private) instanceof Error)) return pair;
  }
  throw new AppError({ code: 'INTERNAL', message: `ssh2 made no readable key in ${MAX_ATTEMPTS} attempts` });
}
