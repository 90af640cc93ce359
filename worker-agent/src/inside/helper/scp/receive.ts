import { chmod, type FileHandle, mkdir, open, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { ScpOptions } from './scp.ts';
import { reason } from './send.ts';
import { type Wire, WireEnd } from './wire.ts';

type Times = { modified: number; accessed: number };
type Entry = { kind: 'C' | 'D'; mode: number; size: number; name: string };

/** `scp -t`: receives into one path. */
export async function receive(wire: Wire, options: ScpOptions): Promise<void> {
  const target = options.paths[0]!;
  if (options.needsFolder && !(await isFolder(target))) throw new WireEnd(`${target}: Not a directory`);
  await receiveInto(wire, target, options);
}

/** One level: until `E`, or the end of the input at the top. */
async function receiveInto(wire: Wire, target: string, options: ScpOptions): Promise<void> {
  let times: Times | null = null;
  await wire.ok();
  for (;;) {
    const line = await wire.line();
    if (line === null) return;
    const kind = String.fromCharCode(line[0] ?? 0);
    if (kind === '\u0001') wire.errors++;
    else if (kind === '\u0002') throw new WireEnd(line.toString('utf8', 1));
    else if (kind === 'E') return void (await wire.ok());
    else if (kind === 'T') {
      times = parseTimes(line.toString());
      await wire.ok();
    } else {
      const entry = parseEntry(line.toString());
      const into = (await isFolder(target)) ? join(target, entry.name) : target;
      if (entry.kind === 'D') await receiveFolder(wire, into, { entry, times, options });
      else await receiveFile(wire, into, { entry, times, options });
      times = null;
    }
  }
}

interface Incoming {
  entry: Entry;
  times: Times | null;
  options: ScpOptions;
}

async function receiveFolder(wire: Wire, path: string, { entry, times, options }: Incoming): Promise<void> {
  if (!options.isRecursive) throw new WireEnd('received a folder without -r');
  try {
    // Writable while it is filled.
    if (!(await isFolder(path))) await mkdir(path, entry.mode | 0o700);
  } catch (err) {
    await wire.complain(`${path}: ${reason(err)}`);
    return;
  }
  await receiveInto(wire, path, options);
  await settle(wire, path, { entry, times, options });
}

async function receiveFile(wire: Wire, path: string, incoming: Incoming): Promise<void> {
  const { entry } = incoming;
  let file: FileHandle;
  try {
    file = await open(path, 'w', entry.mode);
  } catch (err) {
    await wire.complain(`${path}: ${reason(err)}`);
    return;
  }
  let trouble: string | null = null;
  try {
    await wire.ok();
    for (let left = entry.size; left > 0; ) {
      const data = await wire.bytes(left);
      left -= data.length;
      if (trouble === null) trouble = await file.writeFile(data).then(() => null, reason);
    }
  } finally {
    await file.close();
  }
  await wire.isAccepted();
  if (trouble !== null) await wire.complain(`${path}: ${trouble}`);
  else if (await settle(wire, path, incoming)) await wire.ok();
}

/** Sets permissions and times where that is asked for. */
async function settle(wire: Wire, path: string, { entry, times, options }: Incoming): Promise<boolean> {
  try {
    if (options.keepsTimes) await chmod(path, entry.mode);
    if (times) await utimes(path, times.accessed, times.modified);
    return true;
  } catch (err) {
    await wire.complain(`${path}: ${reason(err)}`);
    return false;
  }
}

function parseTimes(line: string): Times {
  const match = /^T(\d{1,15}) \d{1,9} (\d{1,15}) \d{1,9}$/.exec(line);
  if (!match) throw new WireEnd('expected times, got another line');
  return { modified: Number(match[1]), accessed: Number(match[2]) };
}

/** The name is the sender's to choose, so it must be a name and no path. */
function parseEntry(line: string): Entry {
  const match = /^([CD])([0-7]{4,5}) (\d{1,16}) (.+)$/.exec(line);
  if (!match) throw new WireEnd('expected a file or a folder, got another line');
  const [, kind, mode, size, name] = match as unknown as [string, 'C' | 'D', string, string, string];
  if (name.includes('/') || name === '.' || name === '..') throw new WireEnd(`unexpected file name: ${name}`);
  return { kind, mode: Number.parseInt(mode, 8) & 0o7777, size: Number(size), name };
}

function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}
