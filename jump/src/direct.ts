/**
 * A direct login: every message of the connection layer goes to the worker and back unchanged. Channel numbers, windows,
 * requests and their order, ends and exit codes are the two ends' own, so nothing can be lost or bent here; flow control
 * reaches from end to end, and this process holds no more than what is under way.
 *
 * From the worker comes what a stranger in the environment may have made: it may open channels, which the client judges,
 * but of global requests only the sign of life goes on, so that nobody inside can teach clients new host keys for the jump.
 */
import { MESSAGE, message, Reader } from '@easel/kit/ssh/wire';

/** One side of the connection, as far as this needs it. */
export interface Side {
  send(payload: Buffer): void;
  readonly isFull: boolean;
  pause(): void;
  resume(): void;
}

const workersRequests: ReadonlySet<string> = new Set(['keepalive@openssh.com']);

export class DirectLogin {
  readonly #client: Side;
  readonly #worker: Side;

  constructor(client: Side, worker: Side) {
    this.#client = client;
    this.#worker = worker;
  }

  onClientMessage(payload: Buffer): void {
    if (!isCarried(payload)) return;
    this.#worker.send(payload);
    if (this.#worker.isFull) this.#client.pause();
  }

  onWorkerMessage(payload: Buffer): void {
    if (!isCarried(payload)) return;
    if (payload[0] === MESSAGE.globalRequest && !this.#mayPass(payload)) return;
    this.#client.send(payload);
    if (this.#client.isFull) this.#worker.pause();
  }

  onClientDrain(): void {
    this.#worker.resume();
  }

  onWorkerDrain(): void {
    this.#client.resume();
  }

  #mayPass(payload: Buffer): boolean {
    const fields = new Reader(payload);
    if (workersRequests.has(fields.text())) return true;
    if (fields.boolean()) this.#worker.send(message(MESSAGE.requestFailure));
    return false;
  }
}

/** The connection layer's numbers (RFC 4250 §4.1.2). */
function isCarried(payload: Buffer): boolean {
  const type = payload[0] ?? 0;
  return type >= MESSAGE.globalRequest && type <= MESSAGE.channelFailure;
}
