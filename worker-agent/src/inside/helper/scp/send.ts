import type { Stats } from 'node:fs';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { ScpOptions } from './scp.ts';
import { type Wire, WireEnd } from './wire.ts';

const chunkBytes = 256 * 1024;

/** `scp -f`: sends files, and with `-r` folders. What cannot be read is complained about, and the rest is sent. */
export async function sendAll(wire: Wire, options: ScpOptions): Promise<void> {
  if (!(await wire.isAccepted())) return;
  for (const path of options.paths) await send(wire, path, options);
}

async function send(wire: Wire, path: string, options: ScpOptions): Promise<void> {
  try {
    const stats = await stat(path);
    if (stats.isDirectory()) {
      if (!options.isRecursive) await wire.complain(`${path}: not a regular file`);
      else await sendFolder(wire, path, { stats, options });
    } else if (stats.isFile()) await sendFile(wire, path, options);
    else await wire.complain(`${path}: not a regular file`);
  } catch (err) {
    if (err instanceof WireEnd) throw err;
    await wire.complain(`${path}: ${reason(err)}`);
  }
}

async function sendFolder(
  wire: Wire,
  path: string,
  { stats, options }: { stats: Stats; options: ScpOptions },
): Promise<void> {
  const names = await readdir(path);
  if (options.keepsTimes && !(await sendTimes(wire, stats))) return;
  await wire.write(`D${octal(stats.mode)} 0 ${nameOf(path)}\n`);
  if (!(await wire.isAccepted())) return;
  for (const name of names) await send(wire, join(path, name), options);
  await wire.write('E\n');
  await wire.isAccepted();
}

async function sendFile(wire: Wire, path: string, options: ScpOptions): Promise<void> {
  const file = await open(path, 'r');
  try {
    const stats = await file.stat();
    if (options.keepsTimes && !(await sendTimes(wire, stats))) return;
    await wire.write(`C${octal(stats.mode)} ${stats.size} ${nameOf(path)}\n`);
    if (!(await wire.isAccepted())) return;
    const trouble = await sendContent(wire, file, stats.size);
    if (trouble) await wire.complain(`${path}: ${trouble}`);
    else await wire.ok();
    await wire.isAccepted();
  } finally {
    await file.close();
  }
}

/** Sends exactly `size` bytes, zeros where the file has become shorter. Gives what went wrong, or null. */
async function sendContent(wire: Wire, file: FileHandle, size: number): Promise<string | null> {
  const chunk = Buffer.alloc(chunkBytes);
  let trouble: string | null = null;
  for (let at = 0; at < size; ) {
    const wanted = Math.min(chunkBytes, size - at);
    let got = 0;
    if (trouble === null) {
      try {
        got = (await file.read(chunk, 0, wanted, at)).bytesRead;
        if (got === 0) trouble = 'the file became shorter';
      } catch (err) {
        trouble = reason(err);
      }
    }
    if (got === 0) {
      chunk.fill(0);
      got = wanted;
    }
    await wire.write(Buffer.from(chunk.subarray(0, got)));
    at += got;
  }
  return trouble;
}

async function sendTimes(wire: Wire, stats: Stats): Promise<boolean> {
  await wire.write(`T${Math.floor(stats.mtimeMs / 1000)} 0 ${Math.floor(stats.atimeMs / 1000)} 0\n`);
  return wire.isAccepted();
}

function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}

function nameOf(path: string): string {
  return basename(path).replaceAll('\n', '_');
}

export function reason(err: unknown): string {
  const { code, message } = err as NodeJS.ErrnoException;
  return code === 'ENOENT' ? 'No such file or directory' : code === 'EACCES' ? 'Permission denied' : (code ?? message);
}
