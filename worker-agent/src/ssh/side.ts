/** The SSH side of an environment: a server without a port, given one stream after the other. */
import type { Duplex } from 'node:stream';
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import type { Inside } from '../inside/client.ts';
import type { ActivitySink, SessionSetting } from '../tunnel/options.ts';
import { AuthorizedKeys, type SshEntry } from './authorized-keys.ts';
import { type Comer, type SshConnection, serveConnection } from './connection.ts';
import { hasNativeCiphers } from './ssh2-internals.ts';

export interface SshSideOptions {
  inside: Inside;
  /** OpenSSH PEM. The same at every start of the environment. */
  hostKey: string;
  setting: SessionSetting;
  activity: ActivitySink;
  clock: Clock;
  log: Log;
}

export class SshSide {
  readonly #options: SshSideOptions;
  readonly #keys: AuthorizedKeys;
  readonly #connections = new Set<SshConnection>();

  /** Nobody signs in with a key before `setEntry`. */
  constructor(options: SshSideOptions) {
    this.#options = options;
    this.#keys = new AuthorizedKeys(() => options.clock.now());
    if (!hasNativeCiphers) options.log.warn('ssh2 has no native code here: chacha20 takes twice the cpu');
  }

  /** Open connections, those that have not signed in yet among them. */
  get count(): number {
    return this.#connections.size;
  }

  /** Serves one connection on this stream. */
  serve(stream: Duplex, comer: Comer): void {
    const connection = serveConnection({ ...this.#options, keys: this.#keys }, { stream, comer });
    this.#connections.add(connection);
    void connection.closed.then(() => this.#connections.delete(connection));
  }

  /** Connections of keys that are gone, and of certificates whose credential has ended, end at once. */
  setEntry(entry: SshEntry): void {
    this.#keys.set(entry);
    for (const connection of this.#connections) {
      if (connection.signedIn && !this.#keys.has(connection.signedIn)) connection.close();
    }
  }

  async close(): Promise<void> {
    const all = [...this.#connections];
    for (const connection of all) connection.close();
    await Promise.all(all.map(({ closed }) => closed));
  }
}
