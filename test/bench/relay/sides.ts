/** The three ways that a stream can take from a client to a worker on this machine, each through a process of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { dialStream } from '@easel/kit/stream-dial';
import { newId } from '@easel/schema/ids';
import { FakeWorker } from '../../kit/fake-worker.ts';
import { TicketOffice } from '../../kit/ticket-office.ts';
import { startNode, stopChild } from '../harness.ts';

/** Both ends of one stream; the bytes between them go through the process under test. */
export interface Ends {
  client: Duplex;
  worker: Duplex;
}

export interface Side {
  pid: number;
  open(): Promise<Ends>;
  stop(): Promise<void>;
}

export async function startRelaySide(): Promise<Side> {
  const office = await TicketOffice.open();
  const relay = await startNode<{ port: number }>(new URL('../../../relay/src/main.ts', import.meta.url), {
    env: {
      EASEL_PORT: '0',
      EASEL_SERVER_URL: office.url,
      EASEL_MAX_CONNECTIONS: '100000',
      EASEL_DIALS_PER_SOURCE_PER_SECOND: '100000',
      EASEL_STREAMS_PER_ENVIRONMENT: '100000',
      EASEL_STREAMS_PER_USER: '100000',
      EASEL_STOP_LIMIT_MS: '100',
    },
  });
  const url = `http://127.0.0.1:${relay.ready.port}`;
  const environmentId = newId('environment');
  const arrived: ((worker: Duplex) => void)[] = [];
  const worker = await FakeWorker.start(
    url,
    await office.worker({ environmentId }),
    () => (stream) => arrived.shift()?.(stream),
  );
  const token = await office.client({ environmentId }, 3600);
  return {
    pid: relay.pid,
    // One after the other, so that it is known which end belongs to which.
    async open() {
      const theirs = Promise.withResolvers<Duplex>();
      arrived.push(theirs.resolve);
      const client = await dialStream({ url, token });
      client.on('error', () => undefined);
      return { client, worker: await theirs.promise };
    },
    async stop() {
      worker.stop();
      await relay.stop();
      await office.close();
    },
  };
}

export async function startPipeSide(): Promise<Side> {
  const target = await listenTarget();
  const env = { TARGET_PORT: String(target.port) };
  const pipe = await startNode<{ port: number }>(new URL('./pipe.ts', import.meta.url), { env });
  return { pid: pipe.pid, open: () => target.open(pipe.ready.port), stop: () => target.close().then(pipe.stop) };
}

/** haproxy in TCP mode with one thread. */
export async function startHaproxySide(): Promise<Side> {
  const target = await listenTarget();
  const folder = mkdtempSync(join(tmpdir(), 'easel-bench-'));
  const port = await freePort();
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(
    file,
    [
      'global\n  nbthread 1\n  maxconn 5000',
      'defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 10m\n  timeout server 10m',
      `listen bench\n  bind 127.0.0.1:${port}\n  server target 127.0.0.1:${target.port}\n`,
    ].join('\n'),
  );
  const child = spawn('haproxy', ['-f', file, '-db', '-q'], { stdio: ['ignore', 'inherit', 'inherit'] });
  await answering(port);
  return {
    pid: child.pid!,
    open: () => target.open(port),
    async stop() {
      await target.close();
      await stopChild(child);
      rmSync(folder, { recursive: true });
    },
  };
}

async function listenTarget() {
  const arrived: ((socket: Socket) => void)[] = [];
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    arrived.shift()?.(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async open(throughPort: number): Promise<Ends> {
      const theirs = Promise.withResolvers<Socket>();
      arrived.push(theirs.resolve);
      const client = connect({ port: throughPort, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
      client.on('error', () => undefined);
      await once(client, 'connect');
      return { client, worker: await theirs.promise };
    },
    async close() {
      server.close();
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function answering(port: number): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const socket = connect(port, '127.0.0.1');
    const isThere = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (isThere) return;
    if (attempt > 50) throw new Error(`nothing answers on port ${port}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
