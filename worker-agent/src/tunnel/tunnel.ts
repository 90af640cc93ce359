/**
 * The way in for people, through the relay.
 *
 * The worker keeps one control socket to the relay and redials it for as long as it runs. For each client the relay passes
 * on the client's ticket; the worker checks it itself (a relay is not trusted to say who may enter), reaches the port or the
 * SSH side, and only then dials the stream, or refuses with a code. If the relay dies, streams are reset and clients come
 * again; the control socket is redialled with jitter. If a newer worker has taken the environment over, the relay says so
 * and dialling ends.
 */
import type { Duplex } from 'node:stream';
import { type Clock, systemClock } from '@easel/kit/clock';
import { type Redialler, redial } from '@easel/kit/redial';
import { dialStream } from '@easel/kit/stream-dial';
import { AppError, ERRORS } from '@easel/schema/errors';
import type { StreamId, UserId } from '@easel/schema/ids';
import { decode, encode } from '@easel/schema/wire/codec';
import { RELAY_PATHS, type RelayMessage, relayMessageSchema, relayReplySchema } from '@easel/schema/wire/relay';
import { type ClientTicket, verifyTicket } from '@easel/schema/wire/ticket';
import { splice } from '../splice.ts';
import type { Comer } from '../ssh/connection.ts';
import { SshSide } from '../ssh/side.ts';
import { Entry, type EntryNews } from './entry.ts';
import type { RelayAccess, TicketKeys, Tunnel, TunnelOptions, Visitors } from './options.ts';

/** Streams of one environment, of all its clients: a browser, an IDE and its forwards need some dozens. */
const maxStreams = 2_000;
/** A stream.open carries a ticket and little else. */
const maxControlBytes = 16_384;
/** The longest time that a timer can be set for. */
const maxTimerMs = 2 ** 31 - 1;
/** What streams get at a stop to say goodbye. */
const farewellMs = 2_000;

/** Starts waiting for clients. Never throws: a relay that is away is dialled again. */
export function startTunnel(options: TunnelOptions): Tunnel {
  return new RelayTunnel(options);
}

interface OpenStream {
  kind: 'port' | 'ssh';
  userId: UserId;
  isGuest: boolean;
  sinceMs: number;
  /** What its ticket was given for; the end of any of it cuts. */
  credentialIds: readonly string[];
  cut: () => void;
}

class RelayTunnel implements Tunnel {
  readonly #options: TunnelOptions;
  readonly #clock: Clock;
  readonly #ssh: SshSide;
  readonly #entry: Entry;
  readonly #ending = new AbortController();
  readonly #signal: AbortSignal;
  /** Ends of open port streams, and of streams under way. */
  readonly #open = new Map<StreamId, OpenStream>();
  #relay: RelayAccess | null;
  #ticketKeys: TicketKeys;
  #control: Redialler | null = null;
  #closing: Promise<void> | null = null;

  constructor(options: TunnelOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#signal = AbortSignal.any([options.signal, this.#ending.signal]);
    this.#relay = options.relay;
    this.#ticketKeys = options.ticketKeys;
    this.#ssh = new SshSide({
      inside: options.inside,
      hostKey: options.sshHostKey,
      setting: options.session,
      activity: options.activity,
      clock: this.#clock,
      log: options.log,
    });
    this.#entry = new Entry(this.#clock, () => this.#onEntryChanged());
    this.#entry.set(options.entry);
    this.#signal.addEventListener('abort', () => void this.close(), { once: true });
    this.#dial();
  }

  get sessions(): { ssh: number; port: number } {
    const kinds = [...this.#open.values()].map(({ kind }) => kind);
    const ssh = kinds.filter((kind) => kind === 'ssh').length;
    return { ssh, port: kinds.length - ssh };
  }

  get visitors(): Visitors {
    const first = new Map<string, Visitors[number]>();
    for (const { kind: way, userId, isGuest, sinceMs } of this.#open.values()) {
      // The oldest is the first: streams are added as they come.
      const key = `${way} ${userId}`;
      if (isGuest && !first.has(key)) first.set(key, { userId, way, since: new Date(sinceMs).toISOString() });
    }
    return [...first.values()];
  }

  updateRelay(relay: RelayAccess): void {
    const isMoved = relay.url !== this.#relay?.url;
    this.#relay = relay;
    if (!isMoved) return;
    this.#control?.close();
    this.#dial();
  }

  updateTicketKeys(keys: TicketKeys): void {
    this.#ticketKeys = keys;
  }

  updateEntry(news: EntryNews): void {
    this.#entry.set(news);
  }

  #onEntryChanged(): void {
    const { keys, authorities } = this.#entry;
    const isGood = (id: string) => this.#entry.isGood(id);
    this.#ssh.setEntry({ keys, authorities, isGood });
    for (const { credentialIds, cut } of this.#open.values()) if (!credentialIds.every(isGood)) cut();
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeAll();
    return this.#closing;
  }

  async #closeAll(): Promise<void> {
    this.#ending.abort();
    this.#entry.close();
    this.#control?.close(1001, 'the environment stops');
    const farewell = Promise.withResolvers<void>();
    const timer = this.#clock.setTimeout(farewell.resolve, farewellMs);
    await Promise.race([this.#ssh.close(), farewell.promise]);
    timer.cancel();
    for (const { cut } of this.#open.values()) cut();
    await this.#control?.closed;
  }

  #dial(): void {
    const relay = this.#relay;
    if (relay === null || this.#signal.aborted) return;
    this.#control = redial({
      url: () => addressOf(relay.url, RELAY_PATHS.control),
      headers: () => ({ authorization: `Bearer ${this.#relay?.token}` }),
      clock: this.#clock,
      log: this.#options.log,
      signal: this.#signal,
      socketOptions: { maxPayload: maxControlBytes },
      onMessage: (data) => this.#onMessage(data),
      // A newer worker of the environment is there.
      fatal: (code) => code === ERRORS.GENERATION_STALE.close || code === ERRORS.GENERATION_STALE.http,
    });
  }

  #onMessage(data: Buffer): void {
    let message: RelayMessage;
    try {
      message = decode(relayMessageSchema, data);
    } catch (err) {
      this.#options.log.warn({ err }, 'relay sent what is no message');
      return;
    }
    void this.#openStream(message);
  }

  async #openStream({ streamId, ticket }: RelayMessage): Promise<void> {
    const { log } = this.#options;
    try {
      const claims = await this.#check(ticket);
      const { target, userId, guest } = claims;
      if (this.#open.size >= maxStreams || this.#open.has(streamId)) {
        throw new AppError({ code: 'LIMIT_EXCEEDED', message: `an environment carries at most ${maxStreams} streams` });
      }
      const abort = new AbortController();
      const cut = () => abort.abort();
      const isGuest = guest !== undefined;
      const credentialIds = credentialsOf(claims);
      const sinceMs = this.#clock.now();
      this.#open.set(streamId, { kind: target.kind, userId, isGuest, sinceMs, credentialIds, cut });
      this.#cutAtEnd(guest?.untilMs ?? null, abort);
      try {
        if (target.kind === 'port') await this.#openPort(streamId, target.port, abort.signal);
        else await this.#openSsh(streamId, comerOf(claims, target.auth), abort.signal);
        log.debug({ streamId, userId, target: target.kind }, 'stream opened');
      } catch (err) {
        this.#open.delete(streamId);
        cut();
        throw err;
      }
    } catch (err) {
      this.#refuse(streamId, err);
    }
  }

  /** Throws TICKET_INVALID, also when what it was given for is over, or FORBIDDEN for a ticket of another environment. */
  async #check(ticket: string): Promise<ClientTicket> {
    const claims = await verifyTicket('client', ticket, this.#ticketKeys);
    const untilMs = claims.guest?.untilMs ?? null;
    const isOver = untilMs !== null && untilMs <= this.#clock.now();
    if (isOver || credentialsOf(claims).some((id) => this.#entry.isRevoked(id))) {
      throw new AppError({ code: 'TICKET_INVALID', message: 'what this ticket was given for is over' });
    }
    if (claims.environmentId !== this.#options.environmentId) {
      throw new AppError({ code: 'FORBIDDEN', message: 'the ticket is for another environment' });
    }
    return claims;
  }

  async #openPort(streamId: StreamId, port: number, signal: AbortSignal): Promise<void> {
    const { inside, activity } = this.#options;
    const target = await inside.connect({ host: 'localhost', port });
    try {
      const stream = await this.#dialStream(streamId, signal);
      splice(stream, target, { fromA: () => activity.mark('port') });
    } catch (err) {
      target.destroy();
      throw err;
    }
  }

  async #openSsh(streamId: StreamId, comer: Comer, signal: AbortSignal): Promise<void> {
    this.#ssh.serve(await this.#dialStream(streamId, signal), comer);
  }

  /** A share's own end needs nobody to tell it: it comes also while the server is away. */
  #cutAtEnd(untilMs: number | null, stream: AbortController): void {
    if (untilMs === null) return;
    const leftMs = untilMs - this.#clock.now();
    const timer = this.#clock.setTimeout(
      () => (leftMs > maxTimerMs ? this.#cutAtEnd(untilMs, stream) : stream.abort()),
      Math.max(0, Math.min(leftMs, maxTimerMs)),
    );
    stream.signal.addEventListener('abort', () => timer.cancel(), { once: true });
  }

  async #dialStream(streamId: StreamId, signal: AbortSignal): Promise<Duplex> {
    const relay = this.#relay;
    if (relay === null) throw new AppError({ code: 'PLATFORM_UNAVAILABLE', message: 'there is no relay' });
    const stream = await dialStream({
      url: relay.url,
      token: relay.token,
      path: `${RELAY_PATHS.stream}${streamId}`,
      zeroMask: true,
      signal: AbortSignal.any([signal, this.#signal]),
    });
    stream.setMaxListeners(0);
    stream.once('close', () => {
      this.#open.get(streamId)?.cut();
      this.#open.delete(streamId);
    });
    signal.addEventListener('abort', () => stream.destroy(), { once: true });
    return stream;
  }

  #refuse(streamId: StreamId, err: unknown): void {
    const { log } = this.#options;
    const isOurs = err instanceof AppError;
    const code = isOurs ? err.code : 'INTERNAL';
    if (isOurs) log.debug({ streamId, code }, 'stream refused');
    else log.error({ streamId, err }, 'stream not opened');
    const message = isOurs ? err.message.slice(0, 500) : 'the worker failed to open the stream';
    this.#control?.send(encode(relayReplySchema, { type: 'stream.refused', streamId, code, message }));
  }
}

function credentialsOf({ credentialId, guest }: ClientTicket): string[] {
  return [credentialId, guest?.credentialId].filter((id) => id !== undefined);
}

function comerOf({ userId, environmentId, address, guest }: ClientTicket, signIn: Comer['signIn']): Comer {
  return { userId, environmentId, address: address ?? null, isGuest: guest !== undefined, signIn };
}

function addressOf(base: string, path: string): string {
  const url = new URL(base);
  url.protocol = url.protocol.replace(/^http/, 'ws');
  url.pathname = url.pathname.replace(/\/+$/, '') + path;
  return url.href;
}
