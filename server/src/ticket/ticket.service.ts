/**
 * Signs tickets and publishes the keys to check them with. Keys are made here, sealed with the server's key, and changed
 * every month: a new key is published for a while before it signs, and stays published until the last ticket that it
 * signed has expired, so that relays and workers with an older copy of the key set never meet a ticket they cannot check.
 */
import type { Clock } from '@easel/kit/clock';
import { AppError } from '@easel/schema/errors';
import { type EnvironmentId, newId, type UserId, type WorkerId } from '@easel/schema/ids';
import {
  CLIENT_TICKET_SECONDS,
  type ClientTicket,
  signTicket,
  type Target,
  WORKER_TICKET_SECONDS,
  type WorkerTicket,
} from '@easel/schema/wire/ticket';
import { exportJWK, generateKeyPair, type JSONWebKeySet, type JWK } from 'jose';
import { type Db, inTransaction, reading } from '../db.ts';
import type { ServerKey } from '../server-key.ts';
import { type SigningKeyRow, ticketStore } from './ticket.store.ts';

export interface SignedTicket {
  token: string;
  expiresAt: Date;
}

type Claims = Omit<ClientTicket, 'exp' | 'jti'> | Omit<WorkerTicket, 'exp' | 'jti'>;

const SIGNS_FOR_MS = 30 * 86_400_000;
/** Longer than anybody keeps a copy of the key set without asking again. */
const PUBLISHED_BEFORE_MS = 3_600_000;
/** Twice the longest life of a ticket. */
const PUBLISHED_AFTER_MS = 2 * WORKER_TICKET_SECONDS * 1000;
/** How long this replica uses what it has read. */
const CACHE_MS = 10_000;

export class TicketService {
  readonly #db: Db;
  readonly #key: ServerKey;
  readonly #clock: Clock;
  #cache: { readAtMs: number; keys: Promise<{ rows: SigningKeyRow[]; signing: JWK }> } | null = null;

  constructor(parts: { db: Db; key: ServerKey; clock: Clock }) {
    this.#db = parts.db;
    this.#key = parts.key;
    this.#clock = parts.clock;
  }

  /** What relay and worker check tickets with (RFC 7517 §5). */
  async keySet(): Promise<JSONWebKeySet> {
    const { rows } = await this.#keys();
    return { keys: rows.map((row) => row.publicJwk) };
  }

  /** Lets its holder open streams to one target of one environment. */
  async forClient(claims: {
    environmentId: EnvironmentId;
    userId: UserId;
    credentialId: string;
    guest?: ClientTicket['guest'];
    target: Target;
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

  /** Makes the first key, or the next one when it is due. Every replica may call it at any time. */
  async rotate(): Promise<void> {
    const now = this.#clock.now();
    const pair = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
    const id = newId('signingKey', now);
    const privateJwk = { ...(await exportJWK(pair.privateKey)), kid: id, alg: 'EdDSA' };
    const publicJwk = { ...(await exportJWK(pair.publicKey)), kid: id, alg: 'EdDSA', use: 'sig' };
    await inTransaction(this.#db, async (tx) => {
      await ticketStore.lock(tx);
      const known = await ticketStore.list(tx, new Date(now));
      const newest = known.at(-1);
      if (newest && newest.createdAt.getTime() + SIGNS_FOR_MS > now) {
        const isSigning = newest.createdAt.getTime() + PUBLISHED_BEFORE_MS <= now;
        if (isSigning)
          await ticketStore.retire(
            tx,
            known.slice(0, -1).map((row) => row.id),
            new Date(now),
          );
        return;
      }
      const sealed = this.#key.seal(JSON.stringify(privateJwk), `signing_keys/${id}`);
      await ticketStore.insert(tx, { id, publicJwk, privateJwk: sealed, createdAt: new Date(now) });
    });
    this.#cache = null;
  }

  async #sign(claims: Claims, lifetimeSeconds: number): Promise<SignedTicket> {
    const { signing } = await this.#keys();
    return {
      token: await signTicket({ ...claims, jti: newId('ticket') }, signing, lifetimeSeconds),
      expiresAt: new Date(this.#clock.now() + lifetimeSeconds * 1000),
    };
  }

  #keys(): Promise<{ rows: SigningKeyRow[]; signing: JWK }> {
    const now = this.#clock.now();
    if (this.#cache && now - this.#cache.readAtMs < CACHE_MS) return this.#cache.keys;
    const keys = this.#readKeys(now);
    const cache = { readAtMs: now, keys };
    this.#cache = cache;
    // A failure is not kept for the next caller.
    keys.catch(() => {
      if (this.#cache === cache) this.#cache = null;
    });
    return keys;
  }

  async #readKeys(now: number): Promise<{ rows: SigningKeyRow[]; signing: JWK }> {
    const rows = await reading(() => ticketStore.list(this.#db, new Date(now - PUBLISHED_AFTER_MS)));
    const current = rows.filter((row) => row.retiredAt === null);
    const ripe = current.filter((row) => row.createdAt.getTime() + PUBLISHED_BEFORE_MS <= now);
    const row = ripe.at(-1) ?? current[0];
    if (!row) {
      throw new AppError({
        code: 'INTERNAL',
        message: 'there is no key to sign tickets with: rotate() was not called',
      });
    }
    return { rows, signing: JSON.parse(this.#key.open(row.privateJwk, `signing_keys/${row.id}`)) as JWK };
  }
}
