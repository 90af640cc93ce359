/** Passwords: argon2id, with the parameters that OWASP recommends (Password Storage Cheat Sheet: 19 MiB, 2 rounds). */
import { hash, verify } from '@node-rs/argon2';

const OPTIONS = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

export const MIN_PASSWORD_LENGTH = 10;
/** Longer ones only cost the server time. */
export const MAX_PASSWORD_LENGTH = 200;

export function hashPassword(password: string): Promise<string> {
  return hash(password, OPTIONS);
}

/** Without a hash it takes as long as with one, so that the time does not tell which logins exist. */
export async function isPassword(password: string, passwordHash: string | null): Promise<boolean> {
  unknown ??= hashPassword('no password has this hash');
  const isRight = await verify(passwordHash ?? (await unknown), password);
  return isRight && passwordHash !== null;
}

let unknown: Promise<string> | undefined;
