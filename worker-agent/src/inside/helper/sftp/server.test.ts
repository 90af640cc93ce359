import { randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex, PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MAX_DATA_BYTES, Reader, TYPES, Writer } from './packet.ts';
import { serveSftp } from './server.ts';

/** A client of the protocol, no cleverer than it must be: what it sends is what is tested. */
class Client {
  readonly stream: Duplex;
  readonly served: Promise<void>;
  #last = 0;
  #rest = Buffer.alloc(0);
  readonly #output: PassThrough;

  constructor() {
    const input = new PassThrough();
    this.#output = new PassThrough();
    this.stream = input;
    this.served = serveSftp(Duplex.from({ readable: input, writable: this.#output }));
  }

  raw(...parts: Buffer[]): void {
    for (const part of parts) this.stream.write(part);
  }

  /** Sends without waiting. */
  send(type: number, body: (writer: Writer) => Writer): number {
    const id = ++this.#last;
    this.raw(...body(new Writer().byte(type).uint32(id)).packet());
    return id;
  }

  async next(): Promise<{ type: number; id: number; reader: Reader }> {
    const size = (await this.#bytes(4)).readUInt32BE();
    const reader = new Reader(await this.#bytes(size));
    return { type: reader.byte(), id: reader.uint32(), reader };
  }

  async ask(type: number, body: (writer: Writer) => Writer) {
    const id = this.send(type, body);
    const answer = await this.next();
    expect(answer.id).toBe(id);
    return answer;
  }

  async status(type: number, body: (writer: Writer) => Writer): Promise<number> {
    const answer = await this.ask(type, body);
    expect(answer.type).toBe(TYPES.STATUS);
    return answer.reader.uint32();
  }

  async start(): Promise<Map<string, string>> {
    this.raw(...new Writer().byte(TYPES.INIT).uint32(3).packet());
    const size = (await this.#bytes(4)).readUInt32BE();
    const reader = new Reader(await this.#bytes(size));
    expect([reader.byte(), reader.uint32()]).toEqual([TYPES.VERSION, 3]);
    const extensions = new Map<string, string>();
    for (;;) {
      try {
        extensions.set(reader.bytes().toString(), reader.bytes().toString());
      } catch {
        return extensions;
      }
    }
  }

  async open(path: string | Buffer, flags: number, mode?: number): Promise<Buffer> {
    const attributes = (writer: Writer) => (mode === undefined ? writer.uint32(0) : writer.uint32(4).uint32(mode));
    const { type, reader } = await this.ask(TYPES.OPEN, (w) => attributes(w.bytes(path).uint32(flags)));
    expect(type).toBe(TYPES.HANDLE);
    return Buffer.from(reader.bytes());
  }

  async names(handle: Buffer): Promise<Map<string, string>> {
    const names = new Map<string, string>();
    for (;;) {
      const { type, reader } = await this.ask(TYPES.READDIR, (w) => w.bytes(handle));
      if (type === TYPES.STATUS) {
        expect(reader.uint32()).toBe(status.EOF);
        return names;
      }
      for (let left = reader.uint32(); left > 0; left--) {
        const name = reader.bytes().toString('latin1');
        names.set(name, reader.bytes().toString('latin1'));
        if (reader.uint32() !== 0) for (let i = 0; i < 7; i++) reader.uint32();
      }
    }
  }

  async #bytes(count: number): Promise<Buffer> {
    while (this.#rest.length < count) {
      const chunk = this.#output.read() as Buffer | null;
      if (chunk) this.#rest = Buffer.concat([this.#rest, chunk]);
      else await new Promise((resolve) => this.#output.once('readable', resolve));
    }
    const part = this.#rest.subarray(0, count);
    this.#rest = this.#rest.subarray(count);
    return part;
  }
}

const status = { OK: 0, EOF: 1, NO_SUCH_FILE: 2, PERMISSION_DENIED: 3, FAILURE: 4, BAD_MESSAGE: 5, UNSUPPORTED: 8 };
const flag = { read: 1, write: 2, append: 4, create: 8, truncate: 16, exclusive: 32 };
const create = flag.write | flag.create | flag.truncate;

let root: string;
let client: Client;
let extensions: Map<string, string>;

beforeEach(async () => {
  root = fs.mkdtempSync(join(tmpdir(), 'easel-sftp-'));
  client = new Client();
  extensions = await client.start();
});
afterEach(async () => {
  client.stream.end();
  await client.served;
  fs.rmSync(root, { recursive: true, force: true });
});
const at = (name: string) => join(root, name);
const openFiles = () => fs.readdirSync('/proc/self/fd').filter((fd) => linkOf(fd).startsWith(root)).length;
function linkOf(fd: string): string {
  try {
    return fs.readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return '';
  }
}
const extended = (name: string, body: (writer: Writer) => Writer) => (w: Writer) => body(w.bytes(name));

it('announces the extensions that OpenSSH’s client uses', () => {
  for (const name of ['posix-rename', 'statvfs', 'hardlink', 'fsync', 'lsetstat', 'limits', 'expand-path']) {
    expect(extensions.has(`${name}@openssh.com`)).toBe(true);
  }
});

describe('a file', () => {
  it('is written and read back to the byte, with many requests under way at once', async () => {
    const data = randomBytes(3_000_000);
    const size = 32_768;
    const handle = await client.open(at('file'), create, 0o640);
    const offsets = Array.from({ length: Math.ceil(data.length / size) }, (_, i) => i * size);
    for (const offset of offsets) {
      client.send(TYPES.WRITE, (w) =>
        w
          .bytes(handle)
          .uint64(BigInt(offset))
          .bytes(data.subarray(offset, offset + size)),
      );
    }
    for (const _ of offsets) expect((await client.next()).reader.uint32()).toBe(status.OK);
    expect(await client.status(TYPES.CLOSE, (w) => w.bytes(handle))).toBe(status.OK);
    expect(fs.readFileSync(at('file')).equals(data)).toBe(true);
    expect(fs.statSync(at('file')).mode & 0o777).toBe(0o640);

    const reading = await client.open(at('file'), flag.read);
    const ids = offsets.map((offset) => {
      return client.send(TYPES.READ, (w) => w.bytes(reading).uint64(BigInt(offset)).uint32(size));
    });
    const parts: Buffer[] = [];
    const answered: number[] = [];
    for (const _ of ids) {
      const { id, type, reader } = await client.next();
      expect(type).toBe(TYPES.DATA);
      answered.push(id);
      parts.push(reader.bytes());
    }
    // OpenSSH's scp cuts the file at an answer out of order.
    expect(answered).toEqual(ids);
    expect(Buffer.concat(parts).equals(data)).toBe(true);
    const end = await client.status(TYPES.READ, (w) => w.bytes(reading).uint64(BigInt(data.length)).uint32(size));
    expect(end).toBe(status.EOF);
  });

  it('is read in pieces of the size that `limits` names', async () => {
    fs.writeFileSync(at('file'), Buffer.alloc(1_000_000));
    const limits = await client.ask(
      TYPES.EXTENDED,
      extended('limits@openssh.com', (w) => w),
    );
    expect([limits.reader.uint64(), limits.reader.uint64()]).toEqual([262_144n, BigInt(MAX_DATA_BYTES)]);
    const handle = await client.open(at('file'), flag.read);
    const { reader } = await client.ask(TYPES.READ, (w) => w.bytes(handle).uint64(0n).uint32(0xffff_ffff));
    expect(reader.bytes().length).toBe(MAX_DATA_BYTES);
  });

  it('is appended to, whatever position is named', async () => {
    fs.writeFileSync(at('file'), 'one');
    const handle = await client.open(at('file'), flag.write | flag.append);
    await client.status(TYPES.WRITE, (w) => w.bytes(handle).uint64(0n).bytes('two'));
    await client.status(TYPES.CLOSE, (w) => w.bytes(handle));
    expect(fs.readFileSync(at('file'), 'utf8')).toBe('onetwo');
  });

  it('is not opened anew where it must not be there, or is not', async () => {
    fs.writeFileSync(at('file'), '');
    const exclusive = create | flag.exclusive;
    expect(await client.status(TYPES.OPEN, (w) => w.bytes(at('file')).uint32(exclusive).uint32(0))).toBe(
      status.FAILURE,
    );
    expect(await client.status(TYPES.OPEN, (w) => w.bytes(at('no')).uint32(flag.read).uint32(0))).toBe(
      status.NO_SUCH_FILE,
    );
  });

  it('has its size, mode and times set, by name and by handle', async () => {
    fs.writeFileSync(at('file'), 'long text');
    const all = (w: Writer) =>
      w
        .uint32(1 | 4 | 8)
        .uint64(4n)
        .uint32(0o600)
        .uint32(1_000_000_000)
        .uint32(1_100_000_000);
    expect(await client.status(TYPES.SETSTAT, (w) => all(w.bytes(at('file'))))).toBe(status.OK);
    const stats = fs.statSync(at('file'));
    expect([stats.size, stats.mode & 0o777, stats.mtimeMs]).toEqual([4, 0o600, 1_100_000_000_000]);
    const handle = await client.open(at('file'), flag.write);
    expect(await client.status(TYPES.FSETSTAT, (w) => w.bytes(handle).uint32(1).uint64(2n))).toBe(status.OK);
    const { reader } = await client.ask(TYPES.FSTAT, (w) => w.bytes(handle));
    expect([reader.uint32(), reader.uint64()]).toEqual([15, 2n]);
  });

  it('is renamed, but never over another one, except as POSIX does', async () => {
    fs.writeFileSync(at('a'), 'a');
    fs.writeFileSync(at('b'), 'b');
    const both = (w: Writer) => w.bytes(at('a')).bytes(at('b'));
    expect(await client.status(TYPES.RENAME, both)).toBe(status.FAILURE);
    expect(fs.readFileSync(at('b'), 'utf8')).toBe('b');
    expect(await client.status(TYPES.EXTENDED, extended('posix-rename@openssh.com', both))).toBe(status.OK);
    expect(fs.readFileSync(at('b'), 'utf8')).toBe('a');
    expect(await client.status(TYPES.RENAME, (w) => w.bytes(at('b')).bytes(at('c')))).toBe(status.OK);
    expect(fs.readdirSync(root)).toEqual(['c']);
    expect(await client.status(TYPES.REMOVE, (w) => w.bytes(at('c')))).toBe(status.OK);
  });

  it('is linked both ways, and the link is itself', async () => {
    fs.writeFileSync(at('file'), 'x');
    expect(await client.status(TYPES.SYMLINK, (w) => w.bytes('file').bytes(at('link')))).toBe(status.OK);
    expect(fs.readlinkSync(at('link'))).toBe('file');
    const link = await client.ask(TYPES.READLINK, (w) => w.bytes(at('link')));
    expect([link.reader.uint32(), link.reader.bytes().toString()]).toEqual([1, 'file']);
    const hard = extended('hardlink@openssh.com', (w) => w.bytes(at('file')).bytes(at('hard')));
    expect(await client.status(TYPES.EXTENDED, hard)).toBe(status.OK);
    expect(fs.statSync(at('hard')).nlink).toBe(2);
    const times = (w: Writer) => w.bytes(at('link')).uint32(8).uint32(5).uint32(6);
    expect(await client.status(TYPES.EXTENDED, extended('lsetstat@openssh.com', times))).toBe(status.OK);
    expect(fs.lstatSync(at('link')).mtimeMs).toBe(6_000);
    expect(fs.statSync(at('file')).mtimeMs).not.toBe(6_000);
  });

  it('is copied within the machine', async () => {
    fs.writeFileSync(at('from'), randomBytes(600_000));
    const from = await client.open(at('from'), flag.read);
    const to = await client.open(at('to'), create);
    const copy = (w: Writer) => w.bytes(from).uint64(0n).uint64(0n).bytes(to).uint64(0n);
    expect(await client.status(TYPES.EXTENDED, extended('copy-data', copy))).toBe(status.OK);
    expect(fs.readFileSync(at('to')).equals(fs.readFileSync(at('from')))).toBe(true);
  });
});

describe('a folder', () => {
  it('lists every name once, also those that are no text', async () => {
    const odd = Buffer.from([0xff, 0x61]);
    fs.mkdirSync(at('folder'));
    for (let i = 0; i < 300; i++) fs.writeFileSync(at(`folder/${i}`), '');
    fs.writeFileSync(Buffer.concat([Buffer.from(at('folder/')), odd]), '');
    const { reader } = await client.ask(TYPES.OPENDIR, (w) => w.bytes(at('folder')));
    const handle = Buffer.from(reader.bytes());
    const names = await client.names(handle);
    expect(names.size).toBe(301);
    expect(names.has(odd.toString('latin1'))).toBe(true);
    expect(names.get('7')).toMatch(/^-rw-r--r-- {4}1 \S+ +\S+ +0 \w{3} [ \d]\d \d\d:\d\d 7$/);
    expect(await client.status(TYPES.CLOSE, (w) => w.bytes(handle))).toBe(status.OK);
  });

  it('is made and removed, but not while it holds something', async () => {
    expect(await client.status(TYPES.MKDIR, (w) => w.bytes(at('d')).uint32(4).uint32(0o700))).toBe(status.OK);
    expect(fs.statSync(at('d')).mode & 0o777).toBe(0o700);
    fs.writeFileSync(at('d/x'), '');
    expect(await client.status(TYPES.RMDIR, (w) => w.bytes(at('d')))).toBe(status.FAILURE);
    fs.rmSync(at('d/x'));
    expect(await client.status(TYPES.RMDIR, (w) => w.bytes(at('d')))).toBe(status.OK);
  });

  it('says its real path, also of what is not there yet', async () => {
    fs.mkdirSync(at('d'));
    fs.symlinkSync('d', at('link'));
    const real = async (path: string) => {
      const { reader } = await client.ask(TYPES.REALPATH, (w) => w.bytes(path));
      reader.uint32();
      return reader.bytes().toString();
    };
    const folder = fs.realpathSync(root);
    expect(await real(at('link/../d/new'))).toBe(join(folder, 'd/new'));
    expect(await real(at('link'))).toBe(join(folder, 'd'));
    expect(await real('')).toBe(process.cwd());
    expect(await client.status(TYPES.REALPATH, (w) => w.bytes(at('no/new')))).toBe(status.NO_SUCH_FILE);
  });

  it('tells the room on its file system', async () => {
    const answer = await client.ask(
      TYPES.EXTENDED,
      extended('statvfs@openssh.com', (w) => w.bytes(root)),
    );
    expect(answer.type).toBe(TYPES.EXTENDED_REPLY);
    const [blockBytes, , blocks] = [answer.reader.uint64(), answer.reader.uint64(), answer.reader.uint64()];
    expect(Number(blockBytes * blocks)).toBeGreaterThan(1_000_000);
  });
});

describe('what is not right', () => {
  it('is answered, and the session goes on', async () => {
    expect(await client.status(77, (w) => w)).toBe(status.UNSUPPORTED);
    expect(
      await client.status(
        TYPES.EXTENDED,
        extended('no-such@example.com', (w) => w),
      ),
    ).toBe(status.UNSUPPORTED);
    expect(await client.status(TYPES.STAT, (w) => w.uint32(1000))).toBe(status.BAD_MESSAGE);
    expect(await client.status(TYPES.STAT, (w) => w.bytes('a\0b'))).toBe(status.FAILURE);
    expect(await client.status(TYPES.CLOSE, (w) => w.bytes('none'))).toBe(status.FAILURE);
    expect(await client.status(TYPES.STAT, (w) => w.bytes(at('no')))).toBe(status.NO_SUCH_FILE);
  });

  it('ends the session when it is no packet', async () => {
    client.raw(Buffer.from([0xff, 0xff, 0xff, 0xff]));
    await client.served;
  });
});

it('leaves nothing open when the client goes away in the middle', async () => {
  for (let i = 0; i < 5; i++) await client.open(at(`f${i}`), create);
  expect(openFiles()).toBe(5);
  client.stream.destroy();
  await client.served;
  expect(openFiles()).toBe(0);
});

it('has a limit on open files, and goes on after it', async () => {
  for (let i = 0; i < 512; i++) await client.open(at('file'), flag.write | flag.create);
  const refused = await client.status(TYPES.OPEN, (w) => w.bytes(at('file')).uint32(flag.write).uint32(0));
  expect(refused).toBe(status.FAILURE);
});
