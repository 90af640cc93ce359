/** What OpenSSH has added to version 3; each is announced with its version. Source: OpenSSH's PROTOCOL, section 4. */
import * as fs from 'node:fs/promises';
import { nameOf, readAttributes } from './attributes.ts';
import type { Operation } from './operation.ts';
import { answer, MAX_DATA_BYTES, MAX_PACKET_BYTES, nameAnswer, TYPES, Writer } from './packet.ts';
import { resolved } from './paths.ts';
import { Refusal, success } from './status.ts';

/** Read and written in one step of a copy inside. */
const copyChunkBytes = 256 * 1024;
/** NAME_MAX of every file system that matters here. */
const maxNameBytes = 255n;

export const extensions: ReadonlyMap<string, { version: string; run: Operation }> = new Map(
  Object.entries({
    'posix-rename@openssh.com': {
      version: '1',
      run: async (request) => {
        const from = request.path();
        await fs.rename(from, request.path());
        return success;
      },
    },
    'statvfs@openssh.com': {
      version: '2',
      run: async (request, id) => fileSystemAnswer(id, request.path()),
    },
    'fstatvfs@openssh.com': {
      version: '2',
      run: async (request, id, { handles }) => {
        return fileSystemAnswer(id, Buffer.from(`/proc/self/fd/${handles.file(request.bytes()).file.fd}`));
      },
    },
    'hardlink@openssh.com': {
      version: '1',
      run: async (request) => {
        const from = request.path();
        await fs.link(from, request.path());
        return success;
      },
    },
    'fsync@openssh.com': {
      version: '1',
      run: async (request, _id, { handles }) => {
        await handles.file(request.bytes()).file.sync();
        return success;
      },
    },
    /** As SETSTAT, on a link itself. */
    'lsetstat@openssh.com': {
      version: '1',
      run: async (request) => {
        const path = request.path();
        const { size, mode, times, owner } = readAttributes(request);
        const isLink = (await fs.lstat(path)).isSymbolicLink();
        if (size !== undefined || (mode !== undefined && isLink)) {
          throw new Refusal('OP_UNSUPPORTED', 'a link has neither a size nor permissions to set');
        }
        if (mode !== undefined) await fs.chmod(path, mode);
        if (times) await fs.lutimes(path, times.accessed, times.modified);
        if (owner) await fs.lchown(path, owner.uid, owner.gid);
        return success;
      },
    },
    'limits@openssh.com': {
      version: '1',
      run: async (_request, id) => {
        return answer(TYPES.EXTENDED_REPLY, id)
          .uint64(BigInt(MAX_PACKET_BYTES))
          .uint64(BigInt(MAX_DATA_BYTES))
          .uint64(BigInt(MAX_DATA_BYTES))
          .uint64(0n);
      },
    },
    /** REALPATH that knows `~` and `~user`. */
    'expand-path@openssh.com': {
      version: '1',
      run: async (request, id) => nameAnswer(id, await resolved(await expanded(request.path()))),
    },
    'copy-data': { version: '1', run: copyData },
    'users-groups-by-id@openssh.com': {
      version: '1',
      run: async (request, id) => {
        const users = names('/etc/passwd', request.bytes());
        return answer(TYPES.EXTENDED_REPLY, id).bytes(users).bytes(names('/etc/group', request.bytes()));
      },
    },
  } satisfies Record<string, { version: string; run: Operation }>),
);

async function fileSystemAnswer(id: number, path: Buffer): Promise<Writer> {
  const found = await fs.statfs(path, { bigint: true });
  return answer(TYPES.EXTENDED_REPLY, id)
    .uint64(found.bsize)
    .uint64(found.bsize)
    .uint64(found.blocks)
    .uint64(found.bfree)
    .uint64(found.bavail)
    .uint64(found.files)
    .uint64(found.ffree)
    .uint64(found.ffree)
    .uint64(found.type)
    .uint64(0n)
    .uint64(maxNameBytes);
}

async function expanded(path: Buffer): Promise<Buffer> {
  const match = /^~([^/]*)(.*)$/s.exec(path.toString('latin1'));
  if (!match) return path;
  const [, user, rest] = match as unknown as [string, string, string];
  const home = user === '' ? process.cwd() : await homeOf(user);
  return Buffer.concat([Buffer.from(home), Buffer.from(rest, 'latin1')]);
}

async function homeOf(user: string): Promise<string> {
  const lines = (await fs.readFile('/etc/passwd', 'utf8').catch(() => '')).split('\n');
  const home = lines.map((line) => line.split(':')).find(([name]) => name === user)?.[5];
  if (!home) throw new Refusal('NO_SUCH_FILE', 'no such user');
  return home;
}

/** Copies within the machine; a length of zero means to the end. Source: draft-ietf-secsh-filexfer-extensions-00 §7. */
async function copyData(...[request, _id, { handles }]: Parameters<Operation>): ReturnType<Operation> {
  const { file: source } = handles.file(request.bytes());
  let from = Number(request.uint64());
  const length = Number(request.uint64());
  const { file: target } = handles.file(request.bytes());
  let to = Number(request.uint64());
  const chunk = Buffer.allocUnsafe(copyChunkBytes);
  for (let left = length === 0 ? Number.POSITIVE_INFINITY : length; left > 0; ) {
    const { bytesRead } = await source.read(chunk, 0, Math.min(left, chunk.length), from);
    if (bytesRead === 0) break;
    for (let done = 0; done < bytesRead; ) {
      done += (await target.write(chunk, done, bytesRead - done, to + done)).bytesWritten;
    }
    from += bytesRead;
    to += bytesRead;
    left -= bytesRead;
  }
  return success;
}

/** Names for numbers, in the same order; empty where there is none. */
function names(file: '/etc/passwd' | '/etc/group', ids: Buffer): Buffer {
  const writer = new Writer();
  for (let at = 0; at + 4 <= ids.length; at += 4) {
    const id = ids.readUInt32BE(at);
    const name = nameOf(file, id);
    writer.bytes(name === String(id) ? '' : name);
  }
  return writer.body();
}
