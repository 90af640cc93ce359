/**
 * The one WebSocket to the server, and what the header says of it.
 *
 *   connecting ─opened▶ live ─closed▶ reconnecting ─opened▶ live
 *                                          └─ no network, or 20 s without success ▶ offline ─opened▶ live
 *
 * The socket is opened at once and never given up: after a loss it redials with full jitter, first within 0.2 s and in the
 * end within 8 s, at once when the network or the tab comes back or somebody asks. Open subscriptions are asked again after each redial; the server then
 * sends the whole again, so nothing that happened meanwhile is missed. A dead peer is noticed by a ping every 10 s that
 * must be answered within 5 s. The server ends a session with 4401 or 4403: then `onSignedOut` is called, once.
 */
import { type Client, createClient } from 'graphql-ws';

export type ConnectionState = 'connecting' | 'live' | 'reconnecting' | 'offline';

const PING_MS = 10_000;
const PONG_LIMIT_MS = 5_000;
/** Longer than this without a connection is told as "offline", not as a hiccup. */
const OFFLINE_AFTER_MS = 20_000;
const RETRY_FIRST_MS = 200;
const RETRY_LONGEST_MS = 8_000;
/** Close codes by which the server says that nobody is signed in (schema/errors: UNAUTHENTICATED, FORBIDDEN). */
const SIGNED_OUT_CODES: readonly number[] = [4401, 4403];

export class Connection {
  readonly client: Client;
  #state = $state<ConnectionState>('connecting');
  /** Counts the times the socket came up: 2 and more are reconnects. */
  #openings = $state(0);
  #lostAtMs = $state<number | null>(null);
  #wake: (() => void) | null = null;
  #pongTimer: ReturnType<typeof setTimeout> | undefined;
  #offlineTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #onSignedOut: () => void;

  constructor(options: { url: string; onSignedOut: () => void }) {
    this.#onSignedOut = options.onSignedOut;
    let socket: WebSocket | null = null;
    this.client = createClient({
      url: options.url,
      lazy: false,
      keepAlive: PING_MS,
      retryAttempts: Number.POSITIVE_INFINITY,
      retryWait: (retries) => this.#wait(retries),
      shouldRetry: (event) => !isSignedOut(event),
      onNonLazyError: (event) => {
        if (isSignedOut(event)) this.#onSignedOut();
      },
      on: {
        opened: (opened) => {
          socket = opened as WebSocket;
        },
        connected: () => this.#opened(),
        closed: () => this.#closed(),
        ping: (isReceived) => {
          if (isReceived) return;
          this.#pongTimer = setTimeout(() => socket?.close(4408, 'no answer to a ping'), PONG_LIMIT_MS);
        },
        pong: (isReceived) => {
          if (isReceived) clearTimeout(this.#pongTimer);
        },
      },
    });
    addEventListener('online', this.#hurry);
    addEventListener('offline', this.#noNetwork);
    document.addEventListener('visibilitychange', this.#hurry);
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get openings(): number {
    return this.#openings;
  }

  /** When the connection was lost; null while it is there. */
  get lostAtMs(): number | null {
    return this.#lostAtMs;
  }

  /** Redials now instead of waiting out the pause. */
  retry(): void {
    this.#wake?.();
  }

  async close(): Promise<void> {
    removeEventListener('online', this.#hurry);
    removeEventListener('offline', this.#noNetwork);
    document.removeEventListener('visibilitychange', this.#hurry);
    clearTimeout(this.#offlineTimer);
    clearTimeout(this.#pongTimer);
    await this.client.dispose();
  }

  #opened(): void {
    clearTimeout(this.#offlineTimer);
    this.#offlineTimer = undefined;
    this.#state = 'live';
    this.#openings += 1;
    this.#lostAtMs = null;
  }

  #closed(): void {
    clearTimeout(this.#pongTimer);
    this.#lostAtMs ??= Date.now();
    if (this.#state === 'live') this.#state = 'reconnecting';
    if (!navigator.onLine) this.#state = 'offline';
    this.#offlineTimer ??= setTimeout(() => {
      this.#state = 'offline';
    }, OFFLINE_AFTER_MS);
  }

  #hurry = (): void => {
    if (navigator.onLine && document.visibilityState === 'visible') this.retry();
  };

  #noNetwork = (): void => {
    if (this.#state !== 'live') this.#state = 'offline';
  };

  #wait(retries: number): Promise<void> {
    const limitMs = Math.min(RETRY_LONGEST_MS, RETRY_FIRST_MS * 2 ** Math.min(retries, 10));
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#wake = null;
        resolve();
      };
      const timer = setTimeout(done, Math.random() * limitMs);
      this.#wake = done;
    });
  }
}

function isSignedOut(event: unknown): boolean {
  return event instanceof CloseEvent && SIGNED_OUT_CODES.includes(event.code);
}
