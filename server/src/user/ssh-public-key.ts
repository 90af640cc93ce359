/** Reads the public key that somebody pastes, and says what is wrong with everything else. */
import { createPublicKey } from 'node:crypto';
import { AppError } from '@easel/schema/errors';
import ssh2 from 'ssh2';
import { fingerprintOf } from './ssh-fingerprint.ts';

export interface SshPublicKey {
  /** `algorithm base64`, without options or comment. */
  publicKey: string;
  algorithm: string;
  /** As `ssh-keygen -l` writes it. */
  fingerprint: string;
  /** Often `user@machine`: a good name for the key. */
  comment: string;
}

/** Shorter ones can be factored by those who care. Source: NIST SP 800-131A. */
const MIN_RSA_BITS = 2048;
const MAX_LENGTH = 16_384;

const HELP = 'paste the line of your .pub file (like ~/.ssh/id_ed25519.pub): "ssh-ed25519 AAAA… you@machine"';

/** Throws INVALID_INPUT: a private key, several keys, an algorithm that is too weak or unknown, or no key at all. */
export function parseSshPublicKey(text: string): SshPublicKey {
  const line = text.trim();
  if (/PRIVATE KEY/.test(line)) {
    throw refuse(`this is a private key, which must never leave your machine: ${HELP}`);
  }
  if (line.length > MAX_LENGTH) throw refuse(`a public key has at most ${MAX_LENGTH} characters`);
  if (/[\r\n]/.test(line)) throw refuse('expected one key on one line: add several keys one by one');
  const [algorithm = '', base64 = '', ...comment] = line.split(/\s+/);
  checkAlgorithm(algorithm);
  const key = ssh2.utils.parseKey(`${algorithm} ${base64}`);
  if (key instanceof Error) throw refuse(`the key is damaged or incomplete: ${HELP}`);
  const blob = key.getPublicSSH();
  // The parser is lenient about what follows; only the exact bytes of the key are stored and compared.
  if (key.type !== algorithm || blob.toString('base64') !== base64) throw refuse(`the key is damaged: ${HELP}`);
  checkStrength(algorithm, key.getPublicPEM());
  return {
    publicKey: `${algorithm} ${base64}`,
    algorithm,
    fingerprint: fingerprintOf(blob),
    comment: comment.join(' '),
  };
}

function checkAlgorithm(algorithm: string): void {
  if (ACCEPTED.has(algorithm)) return;
  if (algorithm === 'ssh-dss') throw refuse('DSA keys are too weak: make one with "ssh-keygen -t ed25519"');
  if (algorithm.startsWith('sk-')) {
    throw refuse('keys on security tokens (sk-…) are not accepted yet: make one with "ssh-keygen -t ed25519"');
  }
  if (algorithm.includes('-cert-v0')) throw refuse('expected a key, got a certificate: paste the key it was made for');
  throw refuse(`expected a public key in OpenSSH's form: ${HELP}`);
}

const ACCEPTED = new Set([
  'ssh-ed25519',
  'ssh-rsa',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
]);

/** The crypto library also refuses points that are not on their curve. */
function checkStrength(algorithm: string, pem: string): void {
  let bits: number | undefined;
  try {
    bits = createPublicKey(pem).asymmetricKeyDetails?.modulusLength;
  } catch (cause) {
    throw refuse(`the key is damaged: ${HELP}`, cause);
  }
  if (algorithm === 'ssh-rsa' && (bits ?? 0) < MIN_RSA_BITS) {
    throw refuse(
      `an RSA key needs at least ${MIN_RSA_BITS} bits, got ${bits}: "ssh-keygen -t ed25519" makes a better one`,
    );
  }
}

function refuse(message: string, cause?: unknown): AppError {
  return new AppError({ code: 'INVALID_INPUT', message, details: { fields: [{ path: 'publicKey', message }] }, cause });
}
