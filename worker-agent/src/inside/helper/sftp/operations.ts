/** What each request does to the file system, as the user that this process is. Paths are bytes, relative ones to the home. */
import { type BigIntStats, constants } from 'node:fs';
import * as fs from 'node:fs/promises';
import { type Attributes, longName, readAttributes, writeAttributes } from './attributes.ts';
import { extensions } from './extensions.ts';
import type { Operation } from './operation.ts';
import { answer, MAX_DATA_BYTES, nameAnswer, TYPES, type Writer } from './packet.ts';
import { exists, resolved } from './paths.ts';
import { endOfFile, Refusal, success } from './status.ts';

const openFlags = { read: 1, write: 2, append: 4, create: 8, truncate: 16, exclusive: 32 } as const;
/** Names in one answer. */
const maxNames = 128;

export const operations: Readonly<Record<number, Operation>> = {
  [TYPES.OPEN]: async (request, id, { handles }) => {
    const path = request.path();
    const wanted = request.uint32();
    const attributes = readAttributes(request);
    handles.assertRoom();
    const file = await fs.open(path, systemFlags(wanted), attributes.mode ?? 0o666);
    return answer(TYPES.HANDLE, id).bytes(
      handles.add({ kind: 'file', file, isAppending: (wanted & openFlags.append) !== 0 }),
    );
  },

  [TYPES.CLOSE]: async (request, _id, { handles }) => {
    await handles.close(request.bytes());
    return success;
  },

  [TYPES.READ]: async (request, id, { handles }) => {
    const { file } = handles.file(request.bytes());
    const position = Number(request.uint64());
    const data = Buffer.allocUnsafe(Math.min(request.uint32(), MAX_DATA_BYTES));
    const { bytesRead } = await file.read(data, 0, data.length, position);
    if (bytesRead === 0 && data.length > 0) return endOfFile;
    return answer(TYPES.DATA, id).bytes(data.subarray(0, bytesRead));
  },

  [TYPES.WRITE]: async (request, _id, { handles }) => {
    const { file, isAppending } = handles.file(request.bytes());
    const position = Number(request.uint64());
    const data = request.bytes();
    for (let done = 0; done < data.length; ) {
      const { bytesWritten } = await file.write(data, done, data.length - done, isAppending ? null : position + done);
      done += bytesWritten;
    }
    return success;
  },

  [TYPES.STAT]: async (request, id) => attributesAnswer(id, await fs.stat(request.path(), { bigint: true })),
  [TYPES.LSTAT]: async (request, id) => attributesAnswer(id, await fs.lstat(request.path(), { bigint: true })),
  [TYPES.FSTAT]: async (request, id, { handles }) => {
    return attributesAnswer(id, await handles.file(request.bytes()).file.stat({ bigint: true }));
  },

  [TYPES.SETSTAT]: async (request) => {
    const path = request.path();
    const { size, mode, times, owner } = readAttributes(request);
    if (size !== undefined) await fs.truncate(path, Number(size));
    if (mode !== undefined) await fs.chmod(path, mode);
    if (times) await fs.utimes(path, times.accessed, times.modified);
    if (owner) await fs.chown(path, owner.uid, owner.gid);
    return success;
  },

  [TYPES.FSETSTAT]: async (request, _id, { handles }) => {
    const { file } = handles.file(request.bytes());
    await setOpenFile(file, readAttributes(request));
    return success;
  },

  [TYPES.OPENDIR]: async (request, id, { handles }) => {
    const path = request.path();
    handles.assertRoom();
    // The typings leave out that names may come as bytes.
    const folder = await fs.opendir(path as unknown as string, {
      encoding: 'buffer' as BufferEncoding,
      bufferSize: maxNames,
    });
    return answer(TYPES.HANDLE, id).bytes(handles.add({ kind: 'folder', folder, path, isAtEnd: false }));
  },

  [TYPES.READDIR]: async (request, id, { handles, nowMs }) => {
    const handle = handles.folder(request.bytes());
    const names = await nextNames(handle);
    if (names.length === 0) return endOfFile;
    const writer = answer(TYPES.NAME, id).uint32(names.length);
    const stats = await Promise.all(names.map((name) => statIn(handle.path, name)));
    names.forEach((name, i) => {
      const found = stats[i];
      writer.bytes(name).bytes(found ? longName(name, found, nowMs()) : name);
      if (found) writeAttributes(writer, found);
      else writer.uint32(0);
    });
    return writer;
  },

  [TYPES.REMOVE]: async (request) => {
    await fs.unlink(request.path());
    return success;
  },

  [TYPES.MKDIR]: async (request) => {
    const path = request.path();
    await fs.mkdir(path, { mode: readAttributes(request).mode ?? 0o777 });
    return success;
  },

  [TYPES.RMDIR]: async (request) => {
    await fs.rmdir(request.path());
    return success;
  },

  [TYPES.REALPATH]: async (request, id) => nameAnswer(id, await resolved(request.path())),

  /** Never replaces: a hard link fails where the new name exists, in one step. */
  [TYPES.RENAME]: async (request) => {
    const from = request.path();
    const to = request.path();
    if ((await fs.lstat(from)).isFile() && (await linked(from, to))) await fs.unlink(from);
    else if (await exists(to)) throw new Refusal('FAILURE', 'File exists');
    else await fs.rename(from, to);
    return success;
  },

  [TYPES.READLINK]: async (request, id) => {
    return nameAnswer(id, await fs.readlink(request.path(), { encoding: 'buffer' }));
  },

  /** Target first, then the link: what OpenSSH does, and so everybody, against the draft's order. */
  [TYPES.SYMLINK]: async (request) => {
    const target = request.path();
    await fs.symlink(target, request.path());
    return success;
  },

  [TYPES.EXTENDED]: async (request, id, context) => {
    const name = request.bytes().toString('latin1');
    const operation = extensions.get(name);
    if (!operation) throw new Refusal('OP_UNSUPPORTED', `the extension is not known here: ${name.slice(0, 100)}`);
    return operation.run(request, id, context);
  },
};

function systemFlags(wanted: number): number {
  const both = openFlags.read | openFlags.write;
  let flags: number = constants.O_RDONLY;
  if ((wanted & both) === both) flags = constants.O_RDWR;
  else if (wanted & openFlags.write) flags = constants.O_WRONLY;
  if (wanted & openFlags.append) flags |= constants.O_APPEND;
  if (wanted & openFlags.create) flags |= constants.O_CREAT;
  if (wanted & openFlags.truncate) flags |= constants.O_TRUNC;
  if (wanted & openFlags.exclusive) flags |= constants.O_EXCL;
  return flags;
}

async function setOpenFile(file: fs.FileHandle, { size, mode, times, owner }: Attributes): Promise<void> {
  if (size !== undefined) await file.truncate(Number(size));
  if (mode !== undefined) await file.chmod(mode);
  if (times) await file.utimes(times.accessed, times.modified);
  if (owner) await file.chown(owner.uid, owner.gid);
}

function attributesAnswer(id: number, stats: BigIntStats): Writer {
  return writeAttributes(answer(TYPES.ATTRS, id), stats);
}

async function nextNames(handle: { folder: import('node:fs').Dir; isAtEnd: boolean }): Promise<Buffer[]> {
  const names: Buffer[] = [];
  while (!handle.isAtEnd && names.length < maxNames) {
    const entry = await handle.folder.read();
    if (entry === null) handle.isAtEnd = true;
    else names.push(entry.name as unknown as Buffer);
  }
  return names;
}

/** Null when the file has gone meanwhile. */
function statIn(folder: Buffer, name: Buffer): Promise<BigIntStats | null> {
  return fs.lstat(Buffer.concat([folder, Buffer.from('/'), name]), { bigint: true }).catch(() => null);
}

async function linked(from: Buffer, to: Buffer): Promise<boolean> {
  try {
    await fs.link(from, to);
    return true;
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'EEXIST') throw new Refusal('FAILURE', 'File exists');
    // A file system without hard links.
    return false;
  }
}
