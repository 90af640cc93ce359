/** Keys and tokens that are made once and kept in files that only this user can read. */
import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const makers = {
  'server-key': () => randomBytes(32).toString('hex'),
  'platform-token': () => `easel_platform_${randomBytes(24).toString('hex')}`,
  'admin-token': () => `easel_pat_${randomBytes(24).toString('hex')}`,
  'database-password': () => randomBytes(24).toString('hex'),
} as const;

export type SecretName = keyof typeof makers;

/** Where each secret lies: file mode 0600, one line. */
export type SecretFiles = Readonly<Record<SecretName, string>>;

/** Makes the secrets that are missing. */
export function keepSecrets(folder: string): SecretFiles {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return Object.fromEntries(
    Object.entries(makers).map(([name, make]) => {
      const path = join(folder, name);
      keep(path, make);
      return [name, path];
    }),
  ) as Record<SecretName, string>;
}

export function readSecret(path: string): string {
  return readFileSync(path, 'utf8').trim();
}

/** Writes a file that only this user can read, whole or not at all. */
export function writePrivate(path: string, text: string): void {
  writeFileSync(path, `${text}\n`, { mode: 0o600, flush: true });
}

function keep(path: string, make: () => string): void {
  const draft = `${path}.new`;
  rmSync(draft, { force: true });
  writePrivate(draft, make());
  try {
    // A link appears with its whole text, and never in place of an older file.
    linkSync(draft, path);
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== 'EEXIST') throw err;
  } finally {
    rmSync(draft, { force: true });
  }
}
