/**
 * The server's one secret, EASEL_SECRET_KEY, and what is derived from it: the key around the keys that secrets in the database
 * are sealed with, and the workers' one-time tokens. Whoever copies the database alone can open neither.
 *
 * An envelope: each text is sealed with a random key of its own, and that key with the server's (`v2.<which key>.<its
 * key>.<the text>`). So another server key means to seal the small keys anew (server-key-rotation.ts), which needs no idea of
 * what a text is for. `v1`, sealed with the server's key itself, is still opened.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto';
import type { Secret } from '@easel/kit/config';
import { AppError } from '@easel/schema/errors';
import type { EnvironmentId, WorkerId } from '@easel/schema/ids';

/** AES-256-GCM as NIST SP 800-38D has it: 96-bit random nonce, 128-bit tag. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
const ENVELOPE = 'easel/envelope';

interface Key {
  /** Names it in what it has sealed; tells nothing of it. */
  id: string;
  secret: Buffer;
  /** Seals the keys of `v2`. */
  wrapping: Buffer;
  /** Has sealed the texts of `v1`. */
  direct: Buffer;
}

export interface Worker {
  environmentId: EnvironmentId;
  workerId: WorkerId;
  generation: number;
}

export class ServerKey {
  readonly #present: Key;
  readonly #all: readonly Key[];

  /** `others` open what they have sealed, and seal nothing: the one before, or the one that comes next. */
  constructor(present: Secret, others: readonly Secret[] = []) {
    this.#present = keyOf(present);
    this.#all = [this.#present, ...others.map(keyOf)];
  }

  /** Text that only this key opens, and only for the same purpose: `purpose` names the row and column it lies in. */
  seal(text: string, purpose: string): string {
    const own = randomBytes(KEY_BYTES);
    const body = encrypt(own, Buffer.from(text), purpose).toString('base64url');
    return ['v2', this.#present.id, this.#wrap(own), body].join('.');
  }

  /** Throws INTERNAL when the text was sealed with another key or for another purpose, or was changed. */
  open(sealed: string, purpose: string): string {
    try {
      const [version, ...parts] = sealed.split('.');
      if (version === 'v1') return this.#openDirect(parts[0] ?? '', purpose);
      if (version !== 'v2') throw new Error('unknown version');
      return decrypt(this.#unwrap(parts), Buffer.from(parts[2] ?? '', 'base64url'), purpose).toString();
    } catch (cause) {
      throw new AppError({
        code: 'INTERNAL',
        message: `the key does not open what is stored (${purpose}): is EASEL_SECRET_KEY the one it was stored with?`,
        cause,
      });
    }
  }

  /** The same text under the present key; null where it is already. Throws when no key that is known has sealed it. */
  rewrap(sealed: string): string | null {
    const [version, ...parts] = sealed.split('.');
    if (version !== 'v2' || parts.length !== 3) throw new Error('not sealed by v2');
    const own = this.#unwrap(parts);
    return parts[0] === this.#present.id ? null : ['v2', this.#present.id, this.#wrap(own), parts[2]].join('.');
  }

  /** The one-time token of a worker: the same whenever it is asked for, so that a scheduler may claim twice. */
  workerToken(worker: Worker): string {
    return tokenOf(this.#present, worker);
  }

  isWorkerToken(token: string, worker: Worker): boolean {
    return this.#all.some((key) => isSameText(token, tokenOf(key, worker)));
  }

  /** A hash that takes this key: of what is too short to be hashed alone, since all of its kind could be tried. */
  mac(text: string, purpose: string): string {
    return createHmac('sha256', this.#present.secret).update(`${purpose}\n${text}`).digest('hex');
  }

  #wrap(own: Buffer): string {
    return encrypt(this.#present.wrapping, own, ENVELOPE).toString('base64url');
  }

  #unwrap([id, wrapped = '']: readonly string[]): Buffer {
    const key = this.#all.find((key) => key.id === id);
    if (!key) throw new Error('sealed with a key that is not known');
    return decrypt(key.wrapping, Buffer.from(wrapped, 'base64url'), ENVELOPE);
  }

  #openDirect(body: string, purpose: string): string {
    const bytes = Buffer.from(body, 'base64url');
    for (const { direct } of this.#all.slice(1)) {
      try {
        return decrypt(direct, bytes, purpose).toString();
      } catch {
        // Another key's; the last one says why not.
      }
    }
    return decrypt(this.#present.direct, bytes, purpose).toString();
  }
}

function keyOf(hex: Secret): Key {
  const secret = Buffer.from(hex.reveal(), 'hex');
  const derive = (purpose: string) => Buffer.from(hkdfSync('sha256', secret, '', purpose, KEY_BYTES));
  const id = createHash('sha256').update(derive('easel/key-id')).digest('hex').slice(0, 8);
  return { id, secret, wrapping: derive(ENVELOPE), direct: derive('easel/seal') };
}

function encrypt(key: Buffer, plain: Buffer, purpose: string): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(purpose));
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** Throws when the key or the purpose is another, or a byte was changed. */
function decrypt(key: Buffer, bytes: Buffer, purpose: string): Buffer {
  const nonce = bytes.subarray(0, NONCE_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.from(purpose)).setAuthTag(bytes.subarray(-TAG_BYTES));
  return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
}

function tokenOf({ secret }: Key, { environmentId, workerId, generation }: Worker): string {
  const parts = ['worker', environmentId, workerId, String(generation)];
  return createHmac('sha256', secret).update(parts.join('\n')).digest('hex');
}

/** Compares in a time that does not tell where the texts differ. */
export function isSameText(given: string, expected: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(expected);
  return a.length === b.length && timingSafeEqual(a, b);
}
