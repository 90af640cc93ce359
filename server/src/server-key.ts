/**
 * The server's one secret, EASEL_SECRET_KEY, and what is derived from it: the key that private keys in the database are
 * sealed with, and the workers' one-time tokens. Whoever copies the database alone can open neither.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Secret } from '@easel/kit/config';
import { AppError } from '@easel/schema/errors';
import type { EnvironmentId, WorkerId } from '@easel/schema/ids';

/** AES-256-GCM as NIST SP 800-38D has it: 96-bit random nonce, 128-bit tag. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SEAL_VERSION = 'v1';

export class ServerKey {
  readonly #key: Buffer;
  readonly #sealKey: Buffer;

  constructor(hex: Secret) {
    this.#key = Buffer.from(hex.reveal(), 'hex');
    this.#sealKey = Buffer.from(hkdfSync('sha256', this.#key, '', 'easel/seal', 32));
  }

  /** Text that only this key opens, and only for the same purpose: `purpose` names the row and column it lies in. */
  seal(text: string, purpose: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#sealKey, nonce).setAAD(Buffer.from(purpose));
    const sealed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return `${SEAL_VERSION}.${sealed.toString('base64url')}`;
  }

  /** Throws INTERNAL when the text was sealed with another key or for another purpose, or was changed. */
  open(sealed: string, purpose: string): string {
    try {
      const [version, body = ''] = sealed.split('.');
      if (version !== SEAL_VERSION) throw new Error('unknown version');
      const bytes = Buffer.from(body, 'base64url');
      const decipher = createDecipheriv('aes-256-gcm', this.#sealKey, bytes.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(Buffer.from(purpose)).setAuthTag(bytes.subarray(-TAG_BYTES));
      return decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
    } catch (cause) {
      throw new AppError({
        code: 'INTERNAL',
        message: `the key does not open what is stored (${purpose}): is EASEL_SECRET_KEY the one it was stored with?`,
        cause,
      });
    }
  }

  /** The one-time token of a worker: the same whenever it is asked for, so that a scheduler may claim twice. */
  workerToken(worker: { environmentId: EnvironmentId; workerId: WorkerId; generation: number }): string {
    const parts = ['worker', worker.environmentId, worker.workerId, String(worker.generation)];
    return createHmac('sha256', this.#key).update(parts.join('\n')).digest('hex');
  }

  isWorkerToken(
    token: string,
    worker: { environmentId: EnvironmentId; workerId: WorkerId; generation: number },
  ): boolean {
    return isSameText(token, this.workerToken(worker));
  }
}

/** Compares in a time that does not tell where the texts differ. */
export function isSameText(given: string, expected: string): boolean {
  const a = Buffer.from(given);
  const b = Buffer.from(expected);
  return a.length === b.length && timingSafeEqual(a, b);
}
