import { isIPv6 } from 'node:net';
import { type Clock, systemClock } from './clock.ts';

export interface ThrottleOptions {
  /** How many are granted per second in the long run. */
  perSecond: number;
  /** How many are granted at once after a quiet time. */
  burst: number;
  clock?: Clock;
  /** Keys remembered at most. Beyond it the oldest is forgotten, which favours the stranger over our memory. */
  maxKeys?: number;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

/** A token bucket for each key: a source address, a user. A key that has been quiet for long takes no memory. */
export class Throttle {
  readonly #perMs: number;
  readonly #burst: number;
  readonly #clock: Clock;
  readonly #maxKeys: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(options: ThrottleOptions) {
    this.#perMs = options.perSecond / 1000;
    this.#burst = options.burst;
    this.#clock = options.clock ?? systemClock;
    this.#maxKeys = options.maxKeys ?? 100_000;
  }

  /** Takes one and gives 0, or gives the milliseconds after which one will be there. */
  take(key: string): number {
    const nowMs = this.#clock.now();
    const known = this.#buckets.get(key);
    // A clock that was set back must not empty the bucket.
    const passedMs = known ? Math.max(0, nowMs - known.atMs) : 0;
    const tokens = known ? Math.min(this.#burst, known.tokens + passedMs * this.#perMs) : this.#burst;
    const isGranted = tokens >= 1;
    // Set anew at the end of the map, which so stays sorted by last use.
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens: isGranted ? tokens - 1 : tokens, atMs: nowMs });
    this.#forget(nowMs);
    return isGranted ? 0 : Math.ceil((1 - tokens) / this.#perMs);
  }

  get size(): number {
    return this.#buckets.size;
  }

  /** Drops from the old end what is full again, a few at each call. */
  #forget(nowMs: number): void {
    const fullAfterMs = this.#burst / this.#perMs;
    let looked = 0;
    for (const [key, bucket] of this.#buckets) {
      if (this.#buckets.size <= this.#maxKeys && (nowMs - bucket.atMs < fullAfterMs || ++looked > 4)) return;
      this.#buckets.delete(key);
    }
  }
}

/**
 * What counts as one source: an IPv4 address, or the /64 that one customer gets of IPv6 (RFC 6177). An IPv4 address written
 * in IPv6 is the IPv4 address.
 */
export function sourceOf(address: string | undefined): string {
  if (!address) return 'unknown';
  const plain = address.split('%', 1)[0]!;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(plain);
  if (mapped) return mapped[1]!;
  if (!isIPv6(plain)) return plain;
  const [left = '', right] = plain.toLowerCase().split('::');
  const head = left === '' ? [] : left.split(':');
  const tail = right === undefined || right === '' ? [] : right.split(':');
  const zeros = right === undefined ? 0 : 8 - head.length - tail.length;
  const groups = [...head, ...Array<string>(Math.max(0, zeros)).fill('0'), ...tail];
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`;
}
