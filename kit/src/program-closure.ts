/**
 * Which files a program of this machine needs to run elsewhere: its loader (the dynamic linker) and the shared libraries
 * that the loader finds for it. A program so packed runs in any root file system, of whatever C library, as
 * `loader --library-path <folder of the libraries> program`. Source: elf(5), ld.so(8). Linux only.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

export interface ProgramClosure {
  /** As the programs name it, for example `/lib64/ld-linux-x86-64.so.2`; null when all of them are static. */
  loader: string | null;
  /** The libraries, sorted by name, each once. */
  files: ClosureFile[];
}

export interface ClosureFile {
  /** The name that programs ask for: `libc.so.6`. */
  name: string;
  /** Where the loader finds it here; may be a symbolic link. */
  path: string;
}

/** Opened by glibc by name at run time for users, groups and host names; inside libc itself since 2.34. */
const openedByName = ['libnss_files.so.2', 'libnss_dns.so.2', 'libresolv.so.2'];
const listLimitMs = 10_000;
const run = promisify(execFile);

/**
 * The closure of these programs and libraries together. A library (it names no loader) is read with the loader of the
 * programs. Throws an error that names the file when it is no ELF file, when two programs want different loaders, or when
 * a library is missing.
 */
export async function programClosure(paths: readonly string[]): Promise<ProgramClosure> {
  const wanted = await Promise.all(paths.map(async (path) => ({ path, ...(await readElf(path)) })));
  const loaders = new Set(wanted.flatMap(({ loader }) => (loader === null ? [] : [loader])));
  if (loaders.size > 1) throw new Error(`one loader was expected, these programs want ${[...loaders].join(' and ')}`);
  const loader = [...loaders][0] ?? null;
  if (loader === null) return { loader, files: [] };
  const found = new Map<string, string>();
  for (const { path } of wanted.filter(({ isDynamic }) => isDynamic)) {
    for (const { name, path: library } of await listLibraries(loader, path)) found.set(name, library);
  }
  await addOpenedByName(found);
  const realLoader = await realpath(loader);
  const files = [...found].map(([name, path]) => ({ name, path }));
  const real = await Promise.all(files.map(({ path }) => realpath(path)));
  return {
    loader,
    files: files.filter((_, i) => real[i] !== realLoader).sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
}

/** Asks the loader itself, so that its cache, its configuration and the programs' own search paths count. */
async function listLibraries(loader: string, path: string): Promise<ClosureFile[]> {
  const { stdout } = await run(loader, ['--list', await realpath(path)], {
    timeout: listLimitMs,
    env: {},
    encoding: 'utf8',
  });
  const missing = /^\s*(\S+) => not found/m.exec(stdout);
  if (missing) throw new Error(`${path} needs ${missing[1]}, which is not on this machine`);
  return [...stdout.matchAll(/^\s*(\S+) => (\/.+) \(0x[0-9a-f]+\)$/gm)].map(([, name, library]) => ({
    name: name!,
    path: library!,
  }));
}

async function addOpenedByName(found: Map<string, string>): Promise<void> {
  const libc = found.get('libc.so.6');
  if (!libc) return;
  const folder = dirname(await realpath(libc));
  for (const name of openedByName) {
    const path = join(folder, name);
    if (!found.has(name) && existsSync(path)) found.set(name, path);
  }
}

const programHeaders = { dynamic: 2, interpreter: 3 } as const;

/** Reads the program headers: which loader the file names, and whether it needs one at all. */
async function readElf(path: string): Promise<{ loader: string | null; isDynamic: boolean }> {
  const file = await open(path, 'r');
  try {
    const header = Buffer.alloc(64);
    const { bytesRead } = await file.read(header, 0, 64, 0);
    const is64LittleEndian = header.readUInt32BE(0) === 0x7f454c46 && header[4] === 2 && header[5] === 1;
    if (bytesRead < 64 || !is64LittleEndian) throw new Error(`${path} is not a program of this machine (64-bit ELF)`);
    const entryBytes = header.readUInt16LE(54);
    const table = Buffer.alloc(entryBytes * header.readUInt16LE(56));
    await file.read(table, 0, table.length, Number(header.readBigUInt64LE(32)));
    let loader: string | null = null;
    let isDynamic = false;
    for (let at = 0; at + entryBytes <= table.length; at += entryBytes) {
      const type = table.readUInt32LE(at);
      if (type === programHeaders.dynamic) isDynamic = true;
      if (type !== programHeaders.interpreter) continue;
      const name = Buffer.alloc(Math.min(4096, Number(table.readBigUInt64LE(at + 32))));
      await file.read(name, 0, name.length, Number(table.readBigUInt64LE(at + 8)));
      loader = name.toString('utf8').replace(/\0.*$/s, '');
    }
    return { loader, isDynamic };
  } finally {
    await file.close();
  }
}
