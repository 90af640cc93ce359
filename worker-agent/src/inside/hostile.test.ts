/** The inside runs as the user, who may be anybody: what it sends to the agent is not believed. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@easel/kit/log';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Control } from './control.ts';
import { InsideSockets } from './sockets.ts';

let folder: string;
let path: string;
let sockets: InsideSockets;
const secret = 's'.repeat(48);

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'easel-in-'));
  path = join(folder, 's');
  sockets = new InsideSockets(path, secret, silentLog);
  await sockets.open();
});
afterEach(() => {
  sockets.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Resolves when the agent has cut the connection that said this. */
async function isCut(said: string): Promise<boolean> {
  const socket = connect(path);
  socket.on('error', () => undefined);
  socket.write(said);
  socket.resume();
  return new Promise((resolve) => socket.once('close', () => resolve(true)));
}
const line = (value: object) => `${JSON.stringify(value)}\n`;

describe('a connection is cut', () => {
  it('when its secret is wrong, or missing', async () => {
    const { socket, forget } = sockets.expect('s1');
    expect(await isCut(line({ secret: 't'.repeat(48), stream: 's1' }))).toBe(true);
    expect(await isCut(line({ stream: 's1' }))).toBe(true);
    forget();
    expect(await Promise.race([socket, Promise.resolve('nobody')])).toBe('nobody');
  });

  it('when nobody waits for its stream, or somebody did', async () => {
    expect(await isCut(line({ secret, stream: 's9' }))).toBe(true);
    expect(await isCut(line({ secret, stream: 'listener:4' }))).toBe(true);
    sockets.expect('s1').forget();
    expect(await isCut(line({ secret, stream: 's1' }))).toBe(true);
  });

  it('when it names a stream a second time', async () => {
    const { socket } = sockets.expect('s1');
    const first = connect(path);
    first.write(line({ secret, stream: 's1' }));
    await socket;
    expect(await isCut(line({ secret, stream: 's1' }))).toBe(true);
    first.destroy();
  });

  it('when its first line is no JSON, or has no end', async () => {
    expect(await isCut('GET / HTTP/1.1\r\n\r\n')).toBe(true);
    expect(await isCut('x'.repeat(10_000))).toBe(true);
  });

  it('when too many say nothing', async () => {
    const silent = Array.from({ length: 2_100 }, () => connect(path));
    const cut = await new Promise<number>((resolve) => {
      let count = 0;
      for (const socket of silent) {
        socket.on('error', () => undefined);
        socket.resume();
        socket.once('close', () => {
          count++;
          if (count === 52) resolve(count);
        });
      }
    });
    expect(cut).toBe(52);
    for (const socket of silent) socket.destroy();
  });
});

it('the socket is open to every user from its birth, and nothing else of the agent’s', async () => {
  expect(statSync(path).mode & 0o777).toBe(0o777);
  expect(process.umask()).not.toBe(0);
});

it('what follows the first line belongs to the stream, to the byte', async () => {
  const { socket } = sockets.expect('s1');
  const dialled = connect(path);
  dialled.write(`${line({ secret, stream: 's1' })}first\nsecond`);
  const taken = await socket;
  const seen = await new Promise((resolve) => taken.once('data', resolve));
  expect(String(seen)).toBe('first\nsecond');
  dialled.destroy();
});

describe('the control connection', () => {
  async function pair(): Promise<{ control: Control; helper: Socket; close: () => void }> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(join(folder, 'c'), resolve));
    const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
    const helper = connect(join(folder, 'c'));
    helper.on('error', () => undefined);
    return { control: new Control(await accepted, silentLog), helper, close: () => void server.close() };
  }

  it.each([
    ['no JSON', 'hello\n'],
    ['another shape', line({ type: 'exited', process: 'one' })],
    [
      'a home that is no path',
      line({ type: 'hello', protocol: 1, identity: { user: 'a', uid: 1, gid: 1, home: 'x', shell: '/bin/sh' } }),
    ],
    ['a line without end', 'x'.repeat(200_000)],
  ])('is cut when it brings %s', async (_what, said) => {
    const { control, helper, close } = await pair();
    const request = control.request({ type: 'ports' });
    helper.write(said);
    await expect(request).rejects.toMatchObject({ code: 'WORKER_UNREACHABLE' });
    await control.closed;
    close();
  });

  it('takes no answer to what was not asked, and no end of what was not started', async () => {
    const { control, helper, close } = await pair();
    const request = control.request({ type: 'ports' });
    helper.write(
      line({ type: 'done', request: 99, value: 'x' }) + line({ type: 'exited', process: 9, code: 0, signal: null }),
    );
    helper.write(line({ type: 'failed', request: 1, code: 'PORT_CLOSED', message: 'no' }));
    await expect(request).rejects.toMatchObject({ code: 'PORT_CLOSED', message: 'no' });
    control.close();
    close();
  });
});
