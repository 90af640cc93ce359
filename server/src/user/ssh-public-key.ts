/** Reads the public key that somebody pastes, and says what is wrong with everything else. */
import { fingerprintOf, isKeyType, keyObjectOf, type PublicKey, readPublicKey } from '@easel/kit/ssh/public-key';
import { AppError } from '@easel/schema/errors';

export interface SshPublicKey {
  /** `algorithm base64`, without options or comment. */
  publicKey: string;
  algorithm: string;
  /** As `ssh-keygen -l` writes it. */
  fingerprint: string;
  /** Often `user@machine`: a good name for the key. */
  comment: string;
  /** It lies in a security key, which wants to be touched for each use. */
  isSecurityKey: boolean;
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
  const blob = Buffer.from(base64, 'base64');
  const key = readPublicKey(blob);
  if (!key) throw refuse(`the key is damaged or incomplete: ${HELP}`);
  // Decoding is lenient; only the exact bytes of the key are stored and compared.
  if (key.type !== algorithm || blob.toString('base64') !== base64) throw refuse(`the key is damaged: ${HELP}`);
  checkStrength(key);
  checkApplication(key);
  return {
    publicKey: `${algorithm} ${base64}`,
    algorithm,
    fingerprint: fingerprintOf(blob),
    comment: comment.join(' '),
    isSecurityKey: key.application !== null,
  };
}

function checkAlgorithm(algorithm: string): void {
  if (isKeyType(algorithm)) return;
  if (algorithm === 'ssh-dss') throw refuse('DSA keys are too weak: make one with "ssh-keygen -t ed25519"');
  if (algorithm.includes('-cert-v0')) throw refuse('expected a key, got a certificate: paste the key it was made for');
  throw refuse(`expected a public key in OpenSSH's form: ${HELP}`);
}

/** The crypto library also refuses points that are not on their curve. */
function checkStrength(key: PublicKey): void {
  let bits: number | undefined;
  try {
    bits = keyObjectOf(key).asymmetricKeyDetails?.modulusLength;
  } catch (cause) {
    throw refuse(`the key is damaged: ${HELP}`, cause);
  }
  if (key.type === 'ssh-rsa' && (bits ?? 0) < MIN_RSA_BITS) {
    throw refuse(
      `an RSA key needs at least ${MIN_RSA_BITS} bits, got ${bits}: "ssh-keygen -t ed25519" makes a better one`,
    );
  }
}

/** What a security key signs for another purpose, a website for one, must not open anything here. */
function checkApplication({ application }: PublicKey): void {
  if (application === null || application.startsWith('ssh:')) return;
  throw refuse('this security key was not made for SSH: "ssh-keygen -t ed25519-sk" makes one');
}

function refuse(message: string, cause?: unknown): AppError {
  return new AppError({ code: 'INVALID_INPUT', message, details: { fields: [{ path: 'publicKey', message }] }, cause });
}
