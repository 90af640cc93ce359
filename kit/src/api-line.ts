/** The WebSocket of an `ApiClient`. Loaded by the first subscription: who only asks questions does not pay for it. */
import { type Client, createClient } from 'graphql-ws/client';
import { WebSocket } from 'ws';
import { type Backoff, fullJitter } from './backoff.ts';
import type { Clock, Timer } from './clock.ts';

/** How often an open socket is pinged, and how long the pong may take. */
const pingEveryMs = 15_000;
const pongLimitMs = 10_000;
/** The one WebSocket of a client, shared by its subscriptions: dialled by the first, closed after the last. */
export interface Line {
  readonly client: Client;
  readonly isConnected: boolean;
  /** Tells of each connection until the given function is called. */
  onConnected(fn: () => void): () => void;
  /** Counts a subscription in or out. */
  use(change: 1 | -1): void;
  dispose(): void;
}

export function createLine(options: {
  url: string;
  token: () => string | undefined;
  clock: Clock;
  backoff: Backoff;
}): Line {
  const { clock, backoff } = options;
  let isConnected = false;
  let users = 0;
  /** Set when the server closed cleanly although we wanted more; graphql-ws would dial again at once. */
  let wasSentAway = false;
  let pongTimer: Timer | undefined;

  const client = createClient({
    async url() {
      if (wasSentAway) await clock.sleep(fullJitter(backoff, 1));
      wasSentAway = false;
      return options.url;
    },
    connectionParams: () => {
      const token = options.token();
      return token === undefined ? {} : { token };
    },
    webSocketImpl: WebSocket,
    // The loop around each subscription dials again: it knows the clock, the signal and the jitter.
    retryAttempts: 0,
    connectionAckWaitTimeout: 10_000,
    keepAlive: pingEveryMs,
    on: {
      connected: () => {
        isConnected = true;
      },
      closed: (event) => {
        isConnected = false;
        pongTimer?.cancel();
        wasSentAway = (event as { code?: number }).code === 1000 && users > 0;
      },
      ping: (isReceived) => {
        if (!isReceived) pongTimer = clock.setTimeout(() => client.terminate(), pongLimitMs);
      },
      pong: (isReceived) => {
        if (isReceived) pongTimer?.cancel();
      },
    },
  });
  return {
    client,
    get isConnected() {
      return isConnected;
    },
    onConnected: (fn) => client.on('connected', fn),
    use(change) {
      users += change;
    },
    // It rejects when the line is cut while it is being closed: then it is closed as well.
    dispose: () => void Promise.resolve(client.dispose()).catch(() => undefined),
  };
}
