/** File attributes of version 3, and the line of `ls -l` that goes with a name. */

import { type BigIntStats, constants, readFileSync } from 'node:fs';
import type { Reader, Writer } from './packet.ts';

const flags = { size: 1, owner: 2, permissions: 4, times: 8, extended: 0x8000_0000 } as const;

export interface Attributes {
  size?: bigint;
  owner?: { uid: number; gid: number };
  mode?: number;
  /** Seconds since 1970. */
  times?: { accessed: number; modified: number };
}

export function readAttributes(reader: Reader): Attributes {
  const attributes: Attributes = {};
  const which = reader.uint32();
  if (which & flags.size) attributes.size = reader.uint64();
  if (which & flags.owner) attributes.owner = { uid: reader.uint32(), gid: reader.uint32() };
  if (which & flags.permissions) attributes.mode = reader.uint32() & 0o7777;
  if (which & flags.times) attributes.times = { accessed: reader.uint32(), modified: reader.uint32() };
  if (which & flags.extended) {
    for (let left = reader.uint32(); left > 0; left--) {
      reader.bytes();
      reader.bytes();
    }
  }
  return attributes;
}

export function writeAttributes(writer: Writer, stats: BigIntStats): Writer {
  return writer
    .uint32(flags.size | flags.owner | flags.permissions | flags.times)
    .uint64(stats.size)
    .uint32(Number(stats.uid))
    .uint32(Number(stats.gid))
    .uint32(Number(stats.mode))
    .uint32(Number(stats.atimeMs / 1000n))
    .uint32(Number(stats.mtimeMs / 1000n));
}

const kinds = new Map([
  [constants.S_IFIFO, 'p'],
  [constants.S_IFCHR, 'c'],
  [constants.S_IFDIR, 'd'],
  [constants.S_IFBLK, 'b'],
  [constants.S_IFREG, '-'],
  [constants.S_IFLNK, 'l'],
  [constants.S_IFSOCK, 's'],
]);
const months = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');
/** After this, `ls` shows the year instead of the time. */
const halfYearMs = 182 * 24 * 3600 * 1000;

/** `-rw-r--r--    1 user     group        1234 Nov 23 18:14 name`. Names are given by `nameOf`. */
export function longName(name: Buffer, stats: BigIntStats, nowMs: number): Buffer {
  const owner = nameOf('/etc/passwd', Number(stats.uid));
  const group = nameOf('/etc/group', Number(stats.gid));
  const at = new Date(Number(stats.mtimeMs));
  const pad = (value: number) => String(value).padStart(2, '0');
  const age = nowMs - at.getTime();
  const clock = age >= 0 && age < halfYearMs ? `${pad(at.getHours())}:${pad(at.getMinutes())}` : ` ${at.getFullYear()}`;
  const day = String(at.getDate()).padStart(2);
  const head = `${modeText(Number(stats.mode))} ${String(stats.nlink).padStart(4)} ${owner.padEnd(8)} ${group.padEnd(8)} ${String(stats.size).padStart(8)} ${months[at.getMonth()]} ${day} ${clock} `;
  return Buffer.concat([Buffer.from(head), name]);
}

function modeText(mode: number): string {
  const bits = (shift: number) => {
    const three = (mode >> shift) & 7;
    return [three & 4 ? 'r' : '-', three & 2 ? 'w' : '-', three & 1 ? 'x' : '-'];
  };
  const [owner, group, other] = [bits(6), bits(3), bits(0)] as [string[], string[], string[]];
  if (mode & 0o4000) owner[2] = owner[2] === 'x' ? 's' : 'S';
  if (mode & 0o2000) group[2] = group[2] === 'x' ? 's' : 'S';
  if (mode & 0o1000) other[2] = other[2] === 'x' ? 't' : 'T';
  return (kinds.get(mode & constants.S_IFMT) ?? '?') + [owner, group, other].flat().join('');
}

const cache = new Map<string, { readAtMs: number; names: Map<number, string> }>();
/** New users show after this long. */
const cacheMs = 5_000;

/** The name that `/etc/passwd` or `/etc/group` has for a number, else the number. */
export function nameOf(file: '/etc/passwd' | '/etc/group', id: number): string {
  let known = cache.get(file);
  if (!known || Date.now() - known.readAtMs > cacheMs) {
    known = { readAtMs: Date.now(), names: readNames(file) };
    cache.set(file, known);
  }
  return known.names.get(id) ?? String(id);
}

function readNames(file: string): Map<number, string> {
  try {
    const lines = readFileSync(file, 'utf8').split('\n');
    const entries = lines.map((line) => line.split(':')).filter((fields) => fields.length > 2);
    return new Map(entries.reverse().map((fields) => [Number(fields[2]), fields[0]!]));
  } catch {
    return new Map();
  }
}
