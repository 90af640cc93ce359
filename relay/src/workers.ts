/**
 * The workers that wait for streams, one control socket for each environment.
 *
 * A worker dials, and redials when the line is cut; its newest socket is the one that counts. A worker of a newer generation
 * puts the older one out (4414), and an older one is refused from then on, also after the newer one has gone: its ticket
 * could live for an hour. When a worker's ticket expires its socket is closed (4412), for it to come back with a new one;
 * open streams are not touched by any of this. If the worker dies, TCP or a missing pong says so.
 */
import type { Clock, Timer } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import { AppError, ERRORS } from '@easel/schema/errors';
import type { EnvironmentId } from '@easel/schema/ids';
import { decode, encode } from '@easel/schema/wire/codec';
import { type RelayMessage, type RelayReply, relayMessageSchema, relayReplySchema } from '@easel/schema/wire/relay';
import type { WorkerTicket } from '@easel/schema/wire/ticket';
import type { RawData, WebSocket } from 'ws';

/** A worker that does not read its control socket gets no further wishes. */
const maxBufferedBytes = 262_144;
/** The longest time that a timer can be set for. */
const maxTimerMs = 2 ** 31 - 1;

export interface WorkersOptions {
  clock: Clock;
  log: Log;
  onReply(worker: WaitingWorker, reply: RelayReply): void;
  onGone(worker: WaitingWorker): void;
}

export class WaitingWorker {
  readonly ticket: WorkerTicket;
  readonly socket: WebSocket;
  isHeard = true;

  constructor(ticket: WorkerTicket, socket: WebSocket) {
    this.ticket = ticket;
    this.socket = socket;
  }

  /** False when the worker does not listen. */
  send(message: RelayMessage): boolean {
    const { socket } = this;
    if (socket.readyState !== socket.OPEN || socket.bufferedAmount > maxBufferedBytes) return false;
    socket.send(encode(relayMessageSchema, message));
    return true;
  }
}

interface Place {
  generation: number;
  workerId: string;
  waiting: WaitingWorker | undefined;
  /** Until then an older ticket could still be alive. */
  heldUntilMs: number;
}

export class Workers {
  readonly #options: WorkersOptions;
  readonly #places = new Map<EnvironmentId, Place>();

  constructor(options: WorkersOptions) {
    this.#options = options;
  }

  get count(): number {
    let count = 0;
    for (const place of this.#places.values()) if (place.waiting) count++;
    return count;
  }

  find(environmentId: EnvironmentId): WaitingWorker | undefined {
    return this.#places.get(environmentId)?.waiting;
  }

  /** Throws GENERATION_STALE when a newer worker of the environment was here, FORBIDDEN for a twin. */
  check(ticket: WorkerTicket): void {
    const place = this.#places.get(ticket.environmentId);
    if (!place || ticket.generation > place.generation) return;
    if (ticket.generation < place.generation) {
      throw new AppError({
        code: 'GENERATION_STALE',
        message: `generation ${place.generation} of the environment has been here, this is ${ticket.generation}`,
      });
    }
    if (ticket.workerId !== place.workerId) {
      throw new AppError({ code: 'FORBIDDEN', message: 'another worker has this generation of the environment' });
    }
  }

  /** Takes a socket whose ticket was checked. */
  attach(ticket: WorkerTicket, socket: WebSocket): void {
    const { environmentId, workerId, generation } = ticket;
    const before = this.#places.get(environmentId);
    const worker = new WaitingWorker(ticket, socket);
    this.#places.set(environmentId, {
      generation,
      workerId,
      waiting: worker,
      heldUntilMs: Math.max(ticket.exp * 1000, before?.heldUntilMs ?? 0),
    });
    if (before?.waiting) this.#replace(before.waiting, worker);
    const expiry = this.#closeAtExpiry(worker);
    socket.on('message', (data, isBinary) => this.#onMessage(worker, data, isBinary));
    socket.on('pong', () => {
      worker.isHeard = true;
    });
    // 'close' follows.
    socket.on('error', () => undefined);
    socket.on('close', (code) => {
      expiry.cancel();
      const place = this.#places.get(environmentId);
      if (place?.waiting === worker) place.waiting = undefined;
      this.#options.log.info({ environmentId, workerId, code }, 'worker gone');
      this.#options.onGone(worker);
    });
    this.#options.log.info({ environmentId, workerId, generation }, 'worker waiting');
  }

  /** Called at a steady pace: cuts sockets that did not answer since the last call, forgets environments long gone. */
  beat(): void {
    const nowMs = this.#options.clock.now();
    for (const [environmentId, { waiting, heldUntilMs }] of this.#places) {
      if (!waiting) {
        if (heldUntilMs < nowMs) this.#places.delete(environmentId);
      } else if (!waiting.isHeard) waiting.socket.terminate();
      else {
        waiting.isHeard = false;
        waiting.socket.ping();
      }
    }
  }

  closeAll(code: number, reason: string): void {
    for (const { waiting } of this.#places.values()) waiting?.socket.close(code, reason);
  }

  terminateAll(): void {
    for (const { waiting } of this.#places.values()) waiting?.socket.terminate();
  }

  #replace(before: WaitingWorker, worker: WaitingWorker): void {
    if (before.ticket.generation < worker.ticket.generation) {
      before.socket.close(ERRORS.GENERATION_STALE.close, 'a newer worker of the environment is here');
    } else before.socket.close(1001, 'a newer connection of this worker is here');
  }

  #closeAtExpiry(worker: WaitingWorker): Timer {
    const leftMs = worker.ticket.exp * 1000 - this.#options.clock.now();
    const close = () =>
      worker.socket.close(ERRORS.TICKET_INVALID.close, 'the ticket has expired: come back with a new one');
    return this.#options.clock.setTimeout(close, Math.min(leftMs, maxTimerMs));
  }

  #onMessage(worker: WaitingWorker, data: RawData, isBinary: boolean): void {
    worker.isHeard = true;
    const { environmentId, workerId } = worker.ticket;
    try {
      if (isBinary) throw new AppError({ code: 'INVALID_INPUT', message: 'expected text' });
      this.#options.onReply(worker, decode(relayReplySchema, data as Buffer));
    } catch (err) {
      if (!(err instanceof AppError)) throw err;
      this.#options.log.warn({ environmentId, workerId, code: err.code, err }, 'worker sent nonsense');
      worker.socket.close(ERRORS[err.code].close, err.message.slice(0, 100));
    }
  }
}
