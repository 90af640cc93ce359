/** Connections out of, and into, the inside: TCP as seen from here, and unix sockets. */
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { splice } from '../../splice.ts';
import type { Identity } from '../client.ts';
import { LISTENER_STREAM } from '../constants.ts';
import type { Address } from '../messages.ts';
import type { Dial } from './dial.ts';
import { Refusal } from './failure.ts';

/** How long a host may take to answer. */
const connectLimitMs = 20_000;
/** How long one address of several may take before the next one is tried. */
const addressLimitMs = 2_500;

export class Forwards {
  readonly #listeners = new Map<number, { server: Server; remove: () => void }>();
  readonly #dial: Dial;
  readonly #identity: Identity;

  constructor(dial: Dial, identity: Identity) {
    this.#dial = dial;
    this.#identity = identity;
  }

  async connect(target: Address, stream: string): Promise<void> {
    const there = await firstOf(target);
    const here = await this.#dial({ stream }).catch((err: Error) => {
      there.destroy();
      throw err;
    });
    splice(here, there);
  }

  async listen(listener: number, target: Address | { private: string }): Promise<{ port: number; path: string }> {
    const { path, remove } = this.#socketPath(target);
    const server = createServer(
      { allowHalfOpen: true, pauseOnConnect: true },
      (there) => void this.#take(listener, there),
    );
    const address = 'host' in target ? { host: bindHost(target.host), port: target.port } : { path };
    await new Promise<void>((resolve, reject) => {
      server.once('error', (err: NodeJS.ErrnoException) => {
        reject(new Refusal('PORT_CLOSED', `cannot listen on ${name(target)}: ${err.code ?? err.message}`));
      });
      server.listen(address, resolve);
    });
    server.on('error', () => undefined);
    if (path) chmodSync(path, 0o600);
    this.#listeners.set(listener, { server, remove });
    const bound = server.address();
    return { port: typeof bound === 'object' && bound !== null ? bound.port : 0, path };
  }

  unlisten(listener: number): void {
    const found = this.#listeners.get(listener);
    this.#listeners.delete(listener);
    found?.server.close();
    found?.remove();
  }

  close(): void {
    for (const listener of this.#listeners.keys()) this.unlisten(listener);
  }

  async #take(listener: number, there: Socket): Promise<void> {
    there.on('error', () => there.destroy());
    const from = { host: there.remoteAddress ?? '127.0.0.1', port: there.remotePort ?? 0 };
    try {
      const here = await this.#dial({ stream: `${LISTENER_STREAM}${listener}`, from });
      splice(here, there);
    } catch {
      there.destroy();
    }
  }

  /** A private socket gets a folder of its own, which nobody else may enter. The kernel's name of a closed socket goes with it. */
  #socketPath(target: Address | { private: string }): { path: string; remove: () => void } {
    if ('host' in target) return { path: '', remove: () => undefined };
    if ('path' in target) return { path: target.path, remove: () => undefined };
    const folder = privateFolder(this.#identity.home);
    const path = join(folder, `${target.private.replaceAll(/[^a-z]/g, '')}.${process.pid}`);
    return { path, remove: () => rmSync(folder, { recursive: true, force: true }) };
  }
}

/** Makes `ssh-XXXXXX` with mode 0700 where temporary files go, else in the home. */
function privateFolder(home: string): string {
  for (const parent of [tmpdir(), home]) {
    try {
      return mkdtempSync(join(parent, `ssh-${randomBytes(3).toString('hex')}`));
    } catch {
      // Read-only, or not there: the next one.
    }
  }
  throw new Refusal(
    'PORT_CLOSED',
    'cannot make a private folder: neither the temporary folder nor the home is writable',
  );
}

function bindHost(host: string): string {
  return host === 'localhost' ? '127.0.0.1' : host;
}

function name(target: Address | { private: string }): string {
  if ('host' in target) return `${target.host}:${target.port}`;
  return 'path' in target ? target.path : target.private;
}

/** `localhost` is asked on both of its addresses, whatever the image's hosts file says. */
async function firstOf(target: Address): Promise<Socket> {
  if ('path' in target) return connected({ path: target.path }, target.path);
  const { host, port } = target;
  const shown = `${host}:${port}`;
  if (host !== 'localhost') return connected({ host, port }, shown);
  return connected({ host: '127.0.0.1', port }, shown).catch(() => connected({ host: '::1', port }, shown));
}

function connected(address: { host: string; port: number } | { path: string }, shown: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      ...address,
      allowHalfOpen: true,
      timeout: connectLimitMs,
      autoSelectFamilyAttemptTimeout: addressLimitMs,
    });
    socket.pause();
    const refuse = (reason: string) => {
      socket.destroy();
      reject(new Refusal('PORT_CLOSED', `nothing answers at ${shown} inside: ${reason}`));
    };
    socket.once('timeout', () => refuse(`no answer in ${connectLimitMs / 1000} s`));
    socket.once('error', (err: NodeJS.ErrnoException) => refuse(err.code ?? err.message));
    socket.once('connect', () => {
      socket.setTimeout(0);
      socket.removeAllListeners('timeout').removeAllListeners('error');
      if ('port' in address) socket.setNoDelay(true);
      socket.on('error', () => socket.destroy());
      resolve(socket);
    });
  });
}
