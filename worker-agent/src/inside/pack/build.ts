/**
 * Makes the inside pack from what this machine has: no compiler, no download. Each content has a folder of its own,
 * `packs/<hash>`, made aside and put in place by a rename; `inside` is a link to the newest. Environments that run keep the
 * pack that they were started with, so the last few stay.
 */
import { createHash } from 'node:crypto';
import { constants, existsSync } from 'node:fs';
import {
  chmod,
  copyFile,
  link,
  mkdir,
  readdir,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { programClosure } from '@easel/kit/program-closure';
import { build } from 'esbuild';
import { PACK } from './layout.ts';
import { findPrograms, type PackedProgram } from './programs.ts';

/** Packs kept besides the newest. */
const keptPacks = 3;
const helperMain = join(import.meta.dirname, '../helper/main.ts');

export interface BuiltPack {
  path: string;
  isNew: boolean;
  /** Programs that the pack lends to images that have none. */
  programs: string[];
}

interface Contents {
  helper: Buffer;
  /** Path in the pack → where it comes from; large ones are linked, not copied. */
  sources: Map<string, string>;
  programs: PackedProgram[];
}

/** Makes `<into>/inside`. Throws an error that names what this machine lacks. */
export async function buildPack(options: { into: string; onProgress?: (text: string) => void }): Promise<BuiltPack> {
  const contents = await gather();
  const stamp = await stampOf(contents);
  const path = join(options.into, 'packs', stamp);
  const names = contents.programs.map(({ name }) => name);
  if (existsSync(join(path, PACK.stamp))) {
    const isCurrent = (await realpath(join(options.into, 'inside')).catch(() => '')) === (await realpath(path));
    if (!isCurrent) await point(options.into, stamp);
    return { path: join(options.into, 'inside'), isNew: false, programs: names };
  }
  options.onProgress?.('packing Node.js and the helper that runs inside environments');
  const aside = `${path}.${process.pid}`;
  await rm(aside, { recursive: true, force: true });
  await write(aside, contents, stamp);
  await rename(aside, path).catch(async (err: NodeJS.ErrnoException) => {
    await rm(aside, { recursive: true, force: true });
    // Somebody else made the same one meanwhile.
    if (err.code !== 'ENOTEMPTY' && err.code !== 'EEXIST') throw err;
  });
  await point(options.into, stamp);
  await removeOld(join(options.into, 'packs'), stamp);
  return { path: join(options.into, 'inside'), isNew: true, programs: names };
}

async function gather(): Promise<Contents> {
  const platform = `${process.platform}-${process.arch}`;
  const node = resolve(`node-${platform}/bin/node`);
  const pty = resolve(`@lydell/node-pty-${platform}/pty.node`);
  const programs = await findPrograms();
  const binaries = programs.flatMap((program) => Object.entries(program.binaries));
  const { loader, files } = await programClosure([node, pty, ...binaries.map(([, path]) => path)]);
  if (loader === null) throw new Error(`${node} names no loader: a Node.js with shared libraries was expected`);
  const bundle = await build({
    entryPoints: [helperMain],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    legalComments: 'none',
    logLevel: 'silent',
  });
  const sources = new Map([
    [PACK.loader as string, loader],
    [PACK.node, node],
    [PACK.pty, pty],
    ...files.map(({ name, path }) => [join(PACK.libraries, name), path] as const),
    ...binaries.map(([name, path]) => [join(PACK.programs, name), path] as const),
    ...programs.flatMap((program) => Object.entries(program.files)),
  ]);
  return { helper: Buffer.from(bundle.outputFiles[0]!.contents), sources, programs };
}

function resolve(file: string): string {
  try {
    return createRequire(import.meta.url).resolve(file);
  } catch (cause) {
    throw new Error(`${file} is not installed: run npm install with optional dependencies`, { cause });
  }
}

/** A hash of the helper, of the scripts, and of name, size and time of everything that is copied. */
async function stampOf({ helper, sources, programs }: Contents): Promise<string> {
  const hash = createHash('sha256').update(helper);
  for (const [name, source] of sources) {
    const real = await realpath(source);
    const { size, mtimeMs } = await stat(real);
    hash.update(JSON.stringify([name, real, size, mtimeMs]));
  }
  for (const { scripts } of programs) hash.update(JSON.stringify(scripts));
  return hash.digest('hex').slice(0, 16);
}

async function write(folder: string, contents: Contents, stamp: string): Promise<void> {
  for (const [name, source] of contents.sources) await place(await realpath(source), join(folder, name));
  for (const { scripts } of contents.programs) {
    for (const [name, text] of Object.entries(scripts)) {
      await mkdir(dirname(join(folder, name)), { recursive: true });
      await writeFile(join(folder, name), text);
      await chmod(join(folder, name), 0o755);
    }
  }
  await mkdir(join(folder, 'git-core', 'templates'), { recursive: true });
  await writeFile(join(folder, PACK.helper), contents.helper);
  await writeFile(join(folder, PACK.stamp), `${stamp}\n`);
}

/** Below this a copy costs nothing. */
const linkFromBytes = 16 * 1024 * 1024;

async function place(source: string, target: string): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  const { size, mode } = await stat(source);
  if (
    size >= linkFromBytes &&
    (await link(source, target).then(
      () => true,
      () => false,
    ))
  )
    return;
  await copyFile(source, target, constants.COPYFILE_FICLONE);
  await chmod(target, mode | 0o555);
}

async function point(into: string, stamp: string): Promise<void> {
  const aside = join(into, `inside.${process.pid}`);
  await rm(aside, { force: true });
  await symlink(join('packs', stamp), aside);
  // A folder of that name, from before, cannot be renamed over.
  await rename(aside, join(into, 'inside')).catch(async () => {
    await rm(join(into, 'inside'), { recursive: true, force: true });
    await rename(aside, join(into, 'inside'));
  });
  const now = new Date();
  await utimes(join(into, 'packs', stamp), now, now);
}

async function removeOld(packs: string, stamp: string): Promise<void> {
  const others = await Promise.all(
    (await readdir(packs))
      .filter((name) => name !== stamp)
      .map(async (name) => ({ name, usedAtMs: (await stat(join(packs, name))).mtimeMs })),
  );
  others.sort((a, b) => b.usedAtMs - a.usedAtMs);
  for (const { name } of others.slice(keptPacks)) await rm(join(packs, name), { recursive: true, force: true });
}
