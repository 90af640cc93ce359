/**
 * Streams from the client's request to their end. A request is checked against the limits, the worker is asked over its
 * control socket, and both upgrades are answered when the worker's leg has come; until then every refusal is an HTTP status.
 *
 * Who ends a wait: the worker's leg, its refusal, the loss of its control socket, the client that leaves, or the time limit.
 * Nothing is stored: what this process forgets, both sides dial anew.
 */
import type { Clock, Timer } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import { AppError, isErrorCode } from '@easel/schema/errors';
import { type EnvironmentId, newId, type StreamId, type UserId } from '@easel/schema/ids';
import { type RelayReply, STREAM_OPEN_SECONDS } from '@easel/schema/wire/relay';
import type { ClientTicket, WorkerTicket } from '@easel/schema/wire/ticket';
import type { Limits } from './config.ts';
import type { RelayMetrics } from './metrics.ts';
import { Pair } from './pair.ts';
import type { Upgrade } from './upgrade.ts';
import type { WaitingWorker, Workers } from './workers.ts';

interface Opening {
  streamId: StreamId;
  ticket: ClientTicket;
  client: Upgrade;
  worker: WaitingWorker;
  startedMs: number;
  limit: Timer;
}

export interface StreamsOptions {
  workers: Pick<Workers, 'find'>;
  limits: Limits;
  metrics: RelayMetrics;
  clock: Clock;
  log: Log;
}

export class Streams {
  readonly #options: StreamsOptions;
  readonly #openings = new Map<StreamId, Opening>();
  readonly #openingsOf = new Tally<EnvironmentId>();
  readonly #streamsOf = new Tally<EnvironmentId | UserId>();
  /** Pairs by the second of the beat in which they are asked for a sign of life, so that no second asks them all. */
  readonly #shifts: Set<Pair>[];
  #shift = 0;
  #isDraining = false;
  #whenEmpty: (() => void) | undefined;

  constructor(options: StreamsOptions) {
    this.#options = options;
    this.#shifts = Array.from({ length: options.limits.pingSeconds }, () => new Set<Pair>());
  }

  get openCount(): number {
    return this.#shifts.reduce((sum, shift) => sum + shift.size, 0);
  }

  get openingCount(): number {
    return this.#openings.size;
  }

  /** A client asks for a stream. Throws a refusal; else it will be answered in time. `token` goes on to the worker. */
  open(client: Upgrade, ticket: ClientTicket, token: string): void {
    const worker = this.#admit(ticket);
    const streamId = newId('stream', this.#options.clock.now());
    if (!worker.send({ type: 'stream.open', streamId, ticket: token })) throw notListening();
    const limit = this.#options.clock.setTimeout(() => {
      this.#refuse(streamId, new AppError({ code: 'TIMED_OUT', message: 'the worker did not come in time' }));
    }, STREAM_OPEN_SECONDS * 1000);
    const startedMs = this.#options.clock.now();
    this.#openings.set(streamId, { streamId, ticket, client, worker, startedMs, limit });
    this.#openingsOf.add(ticket.environmentId);
    this.#count(ticket, 1);
    client.wait(() => {
      const opening = this.#take(streamId);
      if (!opening) return;
      this.#count(opening.ticket, -1);
      this.#options.metrics.opened('gone', this.#options.clock.now() - startedMs);
    });
  }

  /** A worker brings its leg. Throws a refusal. */
  join(worker: Upgrade, ticket: WorkerTicket, streamId: StreamId): void {
    const asked = this.#openings.get(streamId);
    if (!asked) throw new AppError({ code: 'NOT_FOUND', message: 'nobody waits for this stream (any more)' });
    const { workerId, environmentId, generation } = asked.worker.ticket;
    if (ticket.environmentId !== environmentId || ticket.workerId !== workerId || ticket.generation !== generation) {
      throw new AppError({ code: 'FORBIDDEN', message: 'the stream is not for this worker' });
    }
    // Gone while its ticket was checked; the worker may dial again in time.
    if (worker.socket.destroyed) return;
    const opening = this.#take(streamId)!;
    const { clock, metrics, log } = this.#options;
    const leg = worker.accept();
    const client = opening.client.accept();
    metrics.opened('ok', clock.now() - opening.startedMs);
    const shift = this.#shifts[Math.floor(Math.random() * this.#shifts.length)]!;
    const fields = { environmentId, workerId, userId: opening.ticket.userId, streamId };
    const pair = new Pair({
      client,
      worker: leg,
      traffic: metrics.traffic,
      onProtocolError: (name, failure) => {
        metrics.protocolError(name);
        log.warn({ ...fields, leg: name, reason: failure.reason }, 'stream broke the protocol');
      },
      onClosed: (ending) => {
        shift.delete(pair);
        this.#count(opening.ticket, -1);
        log.debug({ ...fields, ending, durationMs: clock.now() - opening.startedMs }, 'stream closed');
        if (this.openCount === 0) this.#whenEmpty?.();
      },
    });
    shift.add(pair);
    log.debug(fields, 'stream opened');
  }

  /** The worker's own refusal, which only the worker that was asked may give. */
  onReply(worker: WaitingWorker, reply: RelayReply): void {
    if (this.#openings.get(reply.streamId)?.worker !== worker) return;
    const code = isErrorCode(reply.code) ? reply.code : 'WORKER_UNREACHABLE';
    this.#refuse(reply.streamId, new AppError({ code, message: reply.message }));
  }

  onWorkerGone(worker: WaitingWorker): void {
    for (const opening of this.#openings.values()) {
      if (opening.worker === worker) this.#refuse(opening.streamId, notListening());
    }
  }

  /** Called once a second. */
  beat(): void {
    this.#shift = (this.#shift + 1) % this.#shifts.length;
    for (const pair of this.#shifts[this.#shift]!) pair.beat();
  }

  /** Takes no new streams; resolves when the last one has ended. */
  async drain(): Promise<void> {
    this.#isDraining = true;
    if (this.openCount === 0) return;
    await new Promise<void>((resolve) => {
      this.#whenEmpty = resolve;
    });
  }

  /** Refuses who waits and closes what is open. */
  closeAll(): void {
    this.#isDraining = true;
    for (const streamId of this.#openings.keys()) this.#refuse(streamId, goingAway());
    for (const shift of this.#shifts) for (const pair of shift) pair.close(1001, 'relay stops');
  }

  destroyAll(): void {
    for (const shift of this.#shifts) for (const pair of shift) pair.destroy('relay stopped');
  }

  #admit(ticket: ClientTicket): WaitingWorker {
    const { limits, workers } = this.#options;
    if (this.#isDraining) throw goingAway();
    const { environmentId, userId } = ticket;
    if (this.#openingsOf.count(environmentId) >= limits.opensPerEnvironment) {
      throw tooMany(`at most ${limits.opensPerEnvironment} streams of an environment may wait to be opened`);
    }
    if (this.#streamsOf.count(environmentId) >= limits.streamsPerEnvironment) {
      throw tooMany(`an environment has at most ${limits.streamsPerEnvironment} streams`);
    }
    if (this.#streamsOf.count(userId) >= limits.streamsPerUser) {
      throw tooMany(`a user has at most ${limits.streamsPerUser} streams`);
    }
    const worker = workers.find(environmentId);
    if (!worker) throw notListening();
    return worker;
  }

  /** Takes an opening out, so that nothing else ends it. */
  #take(streamId: StreamId): Opening | undefined {
    const opening = this.#openings.get(streamId);
    if (!opening) return undefined;
    this.#openings.delete(streamId);
    this.#openingsOf.remove(opening.ticket.environmentId);
    opening.limit.cancel();
    return opening;
  }

  #refuse(streamId: StreamId, err: AppError): void {
    const opening = this.#take(streamId);
    if (!opening) return;
    this.#count(opening.ticket, -1);
    this.#options.metrics.opened(err.code, this.#options.clock.now() - opening.startedMs);
    opening.client.refuse(err);
  }

  #count(ticket: ClientTicket, by: 1 | -1): void {
    for (const key of [ticket.environmentId, ticket.userId]) {
      if (by === 1) this.#streamsOf.add(key);
      else this.#streamsOf.remove(key);
    }
  }
}

function notListening(): AppError {
  return new AppError({
    code: 'WORKER_UNREACHABLE',
    message: "the environment's worker is not connected to the relay",
  });
}

function goingAway(): AppError {
  return new AppError({ code: 'OVERLOADED', message: 'the relay is stopping: dial again' });
}

function tooMany(message: string): AppError {
  return new AppError({ code: 'RATE_LIMITED', message });
}

/** How many there are of each; what is at zero takes no memory. */
class Tally<K> {
  readonly #counts = new Map<K, number>();

  count(key: K): number {
    return this.#counts.get(key) ?? 0;
  }

  add(key: K): void {
    this.#counts.set(key, this.count(key) + 1);
  }

  remove(key: K): void {
    const left = this.count(key) - 1;
    if (left > 0) this.#counts.set(key, left);
    else this.#counts.delete(key);
  }
}
