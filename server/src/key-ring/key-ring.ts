/**
 * Ed25519 keys that sign for a month and are then followed by new ones. They are made here and sealed with the server's key.
 * A new key is published for a while before it signs, and stays published until the last thing that it signed has
 * expired, so that whoever checks with an older copy of the keys never meets a signature that it cannot check.
 */
import type { Clock } from '@easel/kit/clock';
import { AppError } from '@easel/schema/errors';
import { newId } from '@easel/schema/ids';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import { type Db, inTransaction, reading } from '../db.ts';
import type { ServerKey } from '../server-key.ts';
import { type KeyTable, keyRingStore, type SigningKeyRow } from './key-ring.store.ts';

const SIGNS_FOR_MS = 30 * 86_400_000;
/** Longer than anybody keeps a copy of the keys without asking again. */
const PUBLISHED_BEFORE_MS = 3_600_000;
/** How long this replica uses what it has read. */
const CACHE_MS = 10_000;

interface Keys {
  rows: SigningKeyRow[];
  signing: JWK;
}

export class KeyRing {
  readonly #db: Db;
  readonly #key: ServerKey;
  readonly #clock: Clock;
  readonly #table: KeyTable;
  readonly #publishedAfterMs: number;
  #cache: { readAtMs: number; keys: Promise<Keys> } | null = null;

  constructor(parts: {
    db: Db;
    key: ServerKey;
    clock: Clock;
    table: KeyTable;
    /** Longer than what these keys sign lives. */
    publishedAfterMs: number;
  }) {
    this.#db = parts.db;
    this.#key = parts.key;
    this.#clock = parts.clock;
    this.#table = parts.table;
    this.#publishedAfterMs = parts.publishedAfterMs;
  }

  /** Those that something signed now, or lately, may be checked with. */
  async publicKeys(): Promise<JWK[]> {
    const { rows } = await this.#keys();
    return rows.map((row) => row.publicJwk);
  }

  /** All that ever signed: for what was found good once and is looked at again. */
  async allPublicKeys(): Promise<JWK[]> {
    const rows = await reading(() => keyRingStore.list(this.#db, this.#table, new Date(0)));
    return rows.map((row) => row.publicJwk);
  }

  /** The private key to sign with now. */
  async signingKey(): Promise<JWK> {
    return (await this.#keys()).signing;
  }

  /** Makes the first key, or the next one when it is due. Every replica may call it at any time. */
  async rotate(): Promise<void> {
    const now = this.#clock.now();
    const pair = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
    const id = newId('signingKey', now);
    const privateJwk = { ...(await exportJWK(pair.privateKey)), kid: id, alg: 'EdDSA' };
    const publicJwk = { ...(await exportJWK(pair.publicKey)), kid: id, alg: 'EdDSA', use: 'sig' };
    await inTransaction(this.#db, async (tx) => {
      await keyRingStore.lock(tx, this.#table);
      const known = await keyRingStore.list(tx, this.#table, new Date(now));
      const newest = known.at(-1);
      if (newest && newest.createdAt.getTime() + SIGNS_FOR_MS > now) {
        const isSigning = newest.createdAt.getTime() + PUBLISHED_BEFORE_MS <= now;
        const older = known.slice(0, -1).map((row) => row.id);
        if (isSigning) await keyRingStore.retire(tx, this.#table, older, new Date(now));
        return;
      }
      const sealed = this.#key.seal(JSON.stringify(privateJwk), this.#purpose(id));
      await keyRingStore.insert(tx, this.#table, { id, publicJwk, privateJwk: sealed, createdAt: new Date(now) });
    });
    this.#cache = null;
  }

  #purpose(id: string): string {
    return `${this.#table}/${id}`;
  }

  #keys(): Promise<Keys> {
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

  async #readKeys(now: number): Promise<Keys> {
    const since = new Date(now - this.#publishedAfterMs);
    const rows = await reading(() => keyRingStore.list(this.#db, this.#table, since));
    const current = rows.filter((row) => row.retiredAt === null);
    const ripe = current.filter((row) => row.createdAt.getTime() + PUBLISHED_BEFORE_MS <= now);
    const row = ripe.at(-1) ?? current[0];
    if (!row) {
      throw new AppError({
        code: 'INTERNAL',
        message: `there is no key to sign with (${this.#table}): rotate() was not called`,
      });
    }
    return { rows, signing: JSON.parse(this.#key.open(row.privateJwk, this.#purpose(row.id))) as JWK };
  }
}
