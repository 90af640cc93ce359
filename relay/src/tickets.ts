/**
 * Checks tickets without asking anybody. The keys come from the server's key set: at the start, every ten minutes, and when
 * a ticket names a key that is not known, at most every few seconds. If the server does not answer, the last keys stay
 * good; before the first answer nobody can be let in, and `/readyz` says so.
 */
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import { AppError } from '@easel/schema/errors';
import { decode } from '@easel/schema/wire/codec';
import { type ClientTicket, TICKET_KEYS_PATH, verifyTicket, type WorkerTicket } from '@easel/schema/wire/ticket';
import { z } from 'zod';

const fetchLimitMs = 5_000;
/** A stranger with made-up key names must not make us ask the server more often. */
const refreshGapMs = 5_000;
/** Tickets that were found good are remembered: a tunnel opens many streams with one. */
const rememberedTickets = 5_000;

const keySetSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string(), kid: z.string() })).max(100) });
type KeySet = z.infer<typeof keySetSchema>;
type Ticket = ClientTicket | WorkerTicket;

export class Tickets {
  readonly #url: string;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #fetch: typeof fetch;
  #keys: KeySet | undefined;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;
  readonly #good = new Map<string, Ticket>();

  constructor(options: { serverUrl: string; clock: Clock; log: Log; fetch?: typeof fetch }) {
    this.#url = `${options.serverUrl}${TICKET_KEYS_PATH}`;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#fetch = options.fetch ?? fetch;
  }

  get hasKeys(): boolean {
    return this.#keys !== undefined;
  }

  /** Asks the server for its keys. Throws when it does not answer with any. */
  async refresh(): Promise<void> {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  /** Throws TICKET_INVALID, or PLATFORM_UNAVAILABLE while no keys are known. */
  async verify(kind: 'client', token: string): Promise<ClientTicket>;
  async verify(kind: 'worker', token: string): Promise<WorkerTicket>;
  async verify(kind: 'client' | 'worker', token: string): Promise<Ticket> {
    const known = this.#recall(kind, token);
    if (known) return known;
    const keys = await this.#keysFor(token);
    const ticket = kind === 'client' ? await verifyTicket(kind, token, keys) : await verifyTicket(kind, token, keys);
    this.#remember(token, ticket);
    return ticket;
  }

  async #keysFor(token: string): Promise<KeySet> {
    const kid = keyIdOf(token);
    const isKnown = this.#keys?.keys.some((key) => key.kid === kid) ?? false;
    if (!isKnown && this.#clock.now() - this.#askedAtMs >= refreshGapMs) {
      await this.refresh().catch((err) => this.#log.warn({ err }, 'ticket keys not refreshed'));
    } else if (!isKnown && this.#asking) await this.#asking.catch(() => undefined);
    if (this.#keys) return this.#keys;
    throw new AppError({
      code: 'PLATFORM_UNAVAILABLE',
      message: 'the relay has not yet heard from the server: try again soon',
    });
  }

  async #ask(): Promise<void> {
    this.#askedAtMs = this.#clock.now();
    const response = await this.#fetch(this.#url, { signal: AbortSignal.timeout(fetchLimitMs), redirect: 'error' });
    if (!response.ok) throw new Error(`${this.#url} answered with HTTP ${response.status}`);
    const keys = decode(keySetSchema, await response.text());
    const hasChanged = JSON.stringify(keys) !== JSON.stringify(this.#keys);
    if (!hasChanged) return;
    this.#keys = keys;
    // A key that was taken back takes its tickets with it.
    this.#good.clear();
    this.#log.info({ keys: keys.keys.map((key) => key.kid) }, 'ticket keys learned');
  }

  #recall(kind: 'client' | 'worker', token: string): Ticket | undefined {
    const ticket = this.#good.get(token);
    if (ticket?.kind !== kind || ticket.exp * 1000 <= this.#clock.now()) return undefined;
    return ticket;
  }

  #remember(token: string, ticket: Ticket): void {
    this.#good.set(token, ticket);
    const oldest = this.#good.size > rememberedTickets ? this.#good.keys().next().value : undefined;
    if (oldest !== undefined) this.#good.delete(oldest);
  }
}

/** The key that a ticket says it is signed with. Nothing is believed of it. */
function keyIdOf(token: string): string | undefined {
  try {
    const header = JSON.parse(Buffer.from(token.split('.', 1)[0] ?? '', 'base64url').toString('utf8'));
    return typeof header?.kid === 'string' ? header.kid : undefined;
  } catch {
    // The check of the ticket itself says what is wrong with it.
    return undefined;
  }
}
