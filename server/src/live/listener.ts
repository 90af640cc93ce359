/**
 * The one connection of this process that listens to PostgreSQL.
 *
 * Who: every server. When: from `listen` until the signal aborts. If the connection dies, or says nothing although a probe
 * was sent through another one (a connection pooler swallows LISTEN without an error, a firewall drops idle connections
 * without a word), it is made anew with full jitter, and `onResync` says that something may have been missed. Where
 * notifications never arrive, that repeats every few seconds: slow, but nothing is lost.
 */
import { randomBytes } from 'node:crypto';
import { type Backoff, fullJitter } from '@easel/kit/backoff';
import { type Clock, systemClock, type Timer } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import pg from 'pg';
import { CHANNEL, type RawExecutor } from './notify.ts';

export interface ListenerOptions {
  databaseUrl: string;
  /** Where probes are sent from: any other connection than the listening one. */
  database: RawExecutor;
  log: Log;
  signal: AbortSignal;
  clock?: Clock;
  /** How often a probe is sent, and how long it may take to be heard. */
  probe?: { everyMs: number; limitMs: number };
  backoff?: Backoff;
  onPayload(payload: string): void;
  /** At every connection but the first. */
  onResync(): void;
}

const defaultProbe = { everyMs: 5_000, limitMs: 5_000 };
const defaultBackoff: Backoff = { baseMs: 200, maxMs: 10_000 };
const connectLimitMs = 10_000;

export interface Listener {
  /** Since when it has been listening without a gap; null while it is not. */
  readonly heardSinceMs: number | null;
  /** Resolves when the connection has ended after the signal's abort. */
  readonly closed: Promise<void>;
}

/** Starts to listen; resolves with the first connection, or rejects when that cannot be made. */
export async function listen(options: ListenerOptions): Promise<Listener> {
  const { signal, log, clock = systemClock, backoff = defaultBackoff } = options;
  let current = await connect(options);
  let heardSinceMs: number | null = clock.now();

  const closed = (async () => {
    for (let attempt = 0; !signal.aborted; ) {
      const reason = await current.ended;
      heardSinceMs = null;
      if (signal.aborted) break;
      log.warn({ reason }, 'listening connection lost');
      // A connection that worked for a while was a success: the next wait is short.
      if (current.wasHeard) attempt = 0;
      for (let isUp = false; !isUp && !signal.aborted; attempt++) {
        await clock.sleep(fullJitter(backoff, attempt), signal).catch(() => undefined);
        if (signal.aborted) break;
        try {
          current = await connect(options);
          isUp = true;
          heardSinceMs = clock.now();
          log.info({ attempt }, 'listening again');
          options.onResync();
        } catch (err) {
          log.warn({ attempt, err }, 'cannot listen');
        }
      }
    }
    await current.close();
  })();
  return {
    get heardSinceMs() {
      return heardSinceMs;
    },
    closed,
  };
}

interface Connection {
  /** Resolves with the reason why it does not listen any more. */
  readonly ended: Promise<string>;
  /** A probe came through. */
  readonly wasHeard: boolean;
  close(): Promise<void>;
}

async function connect(options: ListenerOptions): Promise<Connection> {
  const { clock = systemClock, probe = defaultProbe, signal } = options;
  const client = new pg.Client({
    connectionString: options.databaseUrl,
    connectionTimeoutMillis: connectLimitMs,
    keepAlive: true,
    application_name: 'easel live',
  });
  const ended = Promise.withResolvers<string>();
  const nonce = randomBytes(8).toString('hex');
  let wasHeard = false;
  let timer: Timer | undefined;
  let isClosed = false;

  const close = async (reason: string) => {
    if (isClosed) return;
    isClosed = true;
    timer?.cancel();
    signal.removeEventListener('abort', onAbort);
    ended.resolve(reason);
    await client.end().catch(() => undefined);
  };
  const onAbort = () => void close('stopping');
  client.on('error', (err) => void close(err.message));
  client.on('end', () => void close('the database closed it'));
  client.on('notification', ({ payload = '' }) => {
    if (!payload.startsWith('?')) return options.onPayload(payload);
    if (payload !== `?${nonce}`) return;
    wasHeard = true;
    timer?.cancel();
    timer = clock.setTimeout(sendProbe, probe.everyMs);
  });
  const sendProbe = () => {
    timer = clock.setTimeout(() => void close('a probe was not heard'), probe.limitMs);
    // A failure to send shows as a probe that is not heard: the database is away, and so will the listener be.
    void Promise.resolve(options.database.$executeRawUnsafe('SELECT pg_notify($1, $2)', CHANNEL, `?${nonce}`)).catch(
      () => undefined,
    );
  };

  await client.connect().catch(async (err: unknown) => {
    await close('never connected');
    throw err;
  });
  await client.query(`LISTEN ${CHANNEL}`);
  signal.addEventListener('abort', onAbort);
  if (signal.aborted) onAbort();
  else sendProbe();
  return {
    ended: ended.promise,
    get wasHeard() {
      return wasHeard;
    },
    close: () => close('stopping'),
  };
}
