/** The door: takes connections, knows who is in, asks again from time to time whether they may stay. */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import type { HostKey } from 'ssh2/lib/protocol/Protocol.js';
import { Admission } from './admission.ts';
import type { Authorities } from './authorities.ts';
import type { Config } from './config.ts';
import { SshConnection } from './connection.ts';
import type { Grants } from './grants.ts';
import type { JumpMetrics } from './metrics.ts';

/** TCP asks a silent peer after this time, ten times a second apart. */
const keepAliveMs = 30_000;
/** What clients get to hear the goodbye at a stop. */
const farewellMs = 1_500;

export interface JumpOptions {
  config: Pick<Config, 'host' | 'port' | 'limits' | 'relayUrl'>;
  hostKeys: Readonly<Record<string, HostKey>>;
  grants: Grants;
  authorities: Pick<Authorities, 'including'>;
  metrics: JumpMetrics;
  clock: Clock;
  log: Log;
}

export class Jump {
  readonly #options: JumpOptions;
  readonly #server: Server;
  readonly #admission: Admission;
  readonly #connections = new Set<SshConnection>();
  #whenEmpty: (() => void) | undefined;

  constructor(options: JumpOptions) {
    this.#options = options;
    this.#admission = new Admission(options.config.limits, options.clock);
    // Many small messages: waiting to fill a segment would make each of them late.
    this.#server = createServer(
      { noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveMs, allowHalfOpen: true },
      (socket) => this.#onSocket(socket),
    );
  }

  /** Rejects when the port is taken. */
  async listen(): Promise<number> {
    const { host, port } = this.#options.config;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => resolve());
    });
    return (this.#server.address() as AddressInfo).port;
  }

  /**
   * Asks the server about everybody who is in, each once; who may no longer enter is told and cut. While the server does
   * not answer nobody is.
   */
  async recheck(signal: AbortSignal): Promise<void> {
    const groups = new Map<string, SshConnection[]>();
    for (const connection of this.#connections.keys()) {
      const { signedIn } = connection;
      if (!signedIn) continue;
      const key = JSON.stringify([signedIn.login, signedIn.credential]);
      groups.set(key, [...(groups.get(key) ?? []), connection]);
    }
    for (const connections of groups.values()) {
      if (signal.aborted) return;
      const { login, credential } = connections[0]!.signedIn!;
      if (await this.#options.grants.ask({ login, ...credential })) continue;
      for (const connection of connections) connection.end('the key may no longer enter');
    }
  }

  /** Takes no new connections; open ones go on for `softMs` and are then told to come back. */
  async close(softMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const empty = new Promise<void>((resolve) => {
      this.#whenEmpty = resolve;
      if (this.#connections.size === 0) resolve();
    });
    const { clock } = this.#options;
    const waited = new AbortController();
    await Promise.race([empty, clock.sleep(softMs, waited.signal).catch(() => undefined)]);
    for (const connection of this.#connections.keys()) connection.end('the jump is stopping: come back in a moment');
    await Promise.race([empty, clock.sleep(farewellMs, waited.signal).catch(() => undefined)]);
    waited.abort();
    for (const connection of this.#connections.keys()) connection.destroy();
    await closed;
  }

  #onSocket(socket: Socket): void {
    const { metrics, log, clock, hostKeys, grants, authorities, config } = this.#options;
    const address = socket.remoteAddress ?? '';
    const stranger = this.#admission.admit(address, this.#connections.size);
    if (typeof stranger === 'string') {
      metrics.turnedAway(stranger);
      socket.destroy();
      return;
    }
    metrics.connections.inc();
    const connection: SshConnection = new SshConnection({
      socket,
      address,
      hostKeys,
      grants,
      authorities,
      relayUrl: config.relayUrl,
      clock,
      log,
      metrics,
      onFailure: () => {
        metrics.failed();
        stranger.failed();
      },
      onSignedIn: () => {
        metrics.signedIn();
        stranger.leave();
      },
      onClosed: () => {
        stranger.leave();
        metrics.connections.dec();
        this.#connections.delete(connection);
        if (this.#connections.size === 0) this.#whenEmpty?.();
      },
    });
    this.#connections.add(connection);
  }
}
