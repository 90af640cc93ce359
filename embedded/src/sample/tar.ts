/**
 * Writes a tar archive, entry by entry. Source: POSIX pax(1), "ustar Interchange Format"; a name of more than 100 bytes is
 * split at a slash into `prefix` (155) and `name` (100).
 */
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';

export interface TarOwner {
  uid: number;
  gid: number;
}

export type TarEntry = { path: string; mode: number; owner?: TarOwner } & (
  | { type: 'folder' }
  | { type: 'link'; target: string }
  | { type: 'text'; text: string }
  /** The content of a file of this machine; symbolic links are followed. */
  | { type: 'file'; source: string }
);

const blockBytes = 512;
const typeFlags = { folder: '5', link: '2', text: '0', file: '0' } as const;
const root: TarOwner = { uid: 0, gid: 0 };

export async function* writeTar(entries: Iterable<TarEntry>): AsyncGenerator<Buffer> {
  for (const entry of entries) {
    switch (entry.type) {
      case 'folder':
      case 'link':
        yield header(entry, 0);
        break;
      case 'text': {
        const content = Buffer.from(entry.text);
        yield header(entry, content.length);
        yield content;
        yield padding(content.length);
        break;
      }
      case 'file':
        yield* file(entry, entry.source);
    }
  }
  yield Buffer.alloc(2 * blockBytes);
}

/** A file that grows or shrinks while it is read would break the archive: what the header says is what is written. */
async function* file(entry: TarEntry, source: string): AsyncGenerator<Buffer> {
  const handle = await open(source, 'r');
  try {
    const { size } = await handle.stat();
    yield header(entry, size);
    let written = 0;
    if (size > 0) {
      const options = { fd: handle, autoClose: false, end: size - 1, highWaterMark: 1024 * 1024 };
      for await (const chunk of createReadStream('', options)) {
        written += (chunk as Buffer).length;
        yield chunk as Buffer;
      }
    }
    if (written !== size) throw new Error(`${source} changed while it was read`);
    yield padding(size);
  } finally {
    await handle.close();
  }
}

function header(entry: TarEntry, sizeBytes: number): Buffer {
  const block = Buffer.alloc(blockBytes);
  const path = entry.path.replace(/^\/+/, '') + (entry.type === 'folder' ? '/' : '');
  const { prefix, name } = splitPath(path);
  const { uid, gid } = entry.owner ?? root;
  block.write(name, 0, 100);
  octal(block, 100, 8, entry.mode);
  octal(block, 108, 8, uid);
  octal(block, 116, 8, gid);
  octal(block, 124, 12, sizeBytes);
  // The same time for all, so that the same content is the same archive.
  octal(block, 136, 12, 0);
  block.write('        ', 148, 8);
  block.write(typeFlags[entry.type], 156, 1);
  if (entry.type === 'link') block.write(entry.target, 157, 100);
  block.write('ustar\u000000', 257, 8, 'latin1');
  block.write(prefix, 345, 155);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 8, 'latin1');
  return block;
}

function splitPath(path: string): { prefix: string; name: string } {
  if (Buffer.byteLength(path) <= 100) return { prefix: '', name: path };
  const slash = path.indexOf('/', path.length - 101);
  if (slash < 1 || slash > 155) throw new Error(`the path is too long for a tar archive: ${path}`);
  return { prefix: path.slice(0, slash), name: path.slice(slash + 1) };
}

function octal(block: Buffer, at: number, length: number, value: number): void {
  block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, length, 'latin1');
}

function padding(sizeBytes: number): Buffer {
  return Buffer.alloc((blockBytes - (sizeBytes % blockBytes)) % blockBytes);
}
