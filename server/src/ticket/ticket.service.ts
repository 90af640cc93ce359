/** Signs tickets and publishes the keys to check them with, which change every month. */
import type { Clock } from '@easel/kit/clock';
import { type EnvironmentId, newId, type UserId, type WorkerId } from '@easel/schema/ids';
import {
  CLIENT_TICKET_SECONDS,
  type ClientTicket,
  signTicket,
  type Target,
  WORKER_TICKET_SECONDS,
  type WorkerTicket,
} from '@easel/schema/wire/ticket';
import type { JSONWebKeySet } from 'jose';
import type { Db } from '../db.ts';
import { KeyRing } from '../key-ring/key-ring.ts';
import type { ServerKey } from '../server-key.ts';

export interface SignedTicket {
  token: string;
  expiresAt: Date;
}

type Claims = Omit<ClientTicket, 'exp' | 'jti'> | Omit<WorkerTicket, 'exp' | 'jti'>;

/** Twice the longest life of a ticket. */
const PUBLISHED_AFTER_MS = 2 * WORKER_TICKET_SECONDS * 1000;

export class TicketService {
  readonly #ring: KeyRing;
  readonly #clock: Clock;

  constructor(parts: { db: Db; key: ServerKey; clock: Clock }) {
    this.#ring = new KeyRing({ ...parts, table: 'signing_keys', publishedAfterMs: PUBLISHED_AFTER_MS });
    this.#clock = parts.clock;
  }

  /** What relay and worker check tickets with (RFC 7517 §5). */
  async keySet(): Promise<JSONWebKeySet> {
    return { keys: await this.#ring.publicKeys() };
  }

  /** Lets its holder open streams to one target of one environment. */
  async forClient(claims: {
    environmentId: EnvironmentId;
    userId: UserId;
    credentialId: string;
    guest?: ClientTicket['guest'];
    target: Target;
    /** Where a jump says that the person comes from. */
    address?: string;
  }): Promise<SignedTicket> {
    return this.#sign({ kind: 'client', ...claims }, CLIENT_TICKET_SECONDS);
  }

  /** Lets a worker wait for streams at the relay. */
  async forWorker(claims: {
    environmentId: EnvironmentId;
    workerId: WorkerId;
    generation: number;
  }): Promise<SignedTicket> {
    const { environmentId, workerId, generation } = claims;
    return this.#sign({ kind: 'worker', environmentId, workerId, generation }, WORKER_TICKET_SECONDS);
  }

  /** Makes the first key, or the next one when it is due. */
  rotate(): Promise<void> {
    return this.#ring.rotate();
  }

  async #sign(claims: Claims, lifetimeSeconds: number): Promise<SignedTicket> {
    const signing = await this.#ring.signingKey();
    return {
      token: await signTicket({ ...claims, jti: newId('ticket') }, signing, lifetimeSeconds),
      expiresAt: new Date(this.#clock.now() + lifetimeSeconds * 1000),
    };
  }
}
