import { createHash, type Hash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Tests do not change what is built; the other names are what builds leave beside their sources. */
const notCounted = /(\.test\.ts|^node_modules|^\.svelte-kit|^generated)$/;

/** One hash over the names and contents of files and folders below `root`. A path that is not there counts as such. */
export function fingerprint(root: string, paths: readonly string[], skipped: RegExp = notCounted): string {
  const hash = createHash('sha256');
  for (const path of [...paths].sort()) add(hash, root, path, skipped);
  return hash.digest('hex');
}

function add(hash: Hash, root: string, path: string, skipped: RegExp): void {
  const full = join(root, path);
  const stat = statSync(full, { throwIfNoEntry: false });
  if (stat?.isDirectory()) {
    for (const name of readdirSync(full).sort()) if (!skipped.test(name)) add(hash, root, join(path, name), skipped);
    return;
  }
  const content = stat ? readFileSync(full) : null;
  hash.update(`${path}\0${content?.length ?? 'absent'}\0`);
  if (content) hash.update(content);
}
