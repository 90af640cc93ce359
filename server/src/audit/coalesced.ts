/**
 * What happens again and again is told at once the first time, and then as a count when the window is over: a loop does not
 * flood the log. In memory: replicas count for themselves, and one that is killed forgets the counts, not the first time.
 */
import type { Clock } from '@easel/kit/clock';

const WINDOW_MS = 15 * 60_000;
const MAX_KEYS = 10_000;
/** One who tries ever other things is told by the first of them. */
const MAX_PER_GROUP = 20;

export interface Again<T> {
  item: T;
  /** How often after the first time. */
  count: number;
  since: Date;
}

interface Entry<T> {
  item: T;
  group: string;
  count: number;
  fromMs: number;
}

export class Coalesced<T> {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry<T>>();
  readonly #groups = new Map<string, number>();
  #pushedOut: Again<T>[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True when it is to be told now. `group` is the key without what an attacker chooses. */
  isFirst(key: string, group: string, item: T): boolean {
    const now = this.#clock.now();
    for (const known of [key, group]) {
      const entry = this.#entries.get(known);
      if (!entry || now - entry.fromMs >= WINDOW_MS) continue;
      // Those of the group are counted together once there are too many of them.
      if (known === group && known !== key && (this.#groups.get(group) ?? 0) < MAX_PER_GROUP) continue;
      entry.count += 1;
      return false;
    }
    const isFull = (this.#groups.get(group) ?? 0) >= MAX_PER_GROUP;
    this.#add(isFull ? group : key, { item, group, count: 0, fromMs: now });
    return true;
  }

  /** What is over, or all; forgotten here. */
  takeDue(isEnd = false): Again<T>[] {
    const now = this.#clock.now();
    for (const [key, entry] of this.#entries) {
      if (!isEnd && now - entry.fromMs < WINDOW_MS) continue;
      this.#remove(key, entry);
    }
    const due = this.#pushedOut;
    this.#pushedOut = [];
    return due;
  }

  #add(key: string, entry: Entry<T>): void {
    const old = this.#entries.get(key);
    if (old) this.#remove(key, old);
    this.#entries.set(key, entry);
    this.#groups.set(entry.group, (this.#groups.get(entry.group) ?? 0) + 1);
    const [oldest] = this.#entries;
    if (oldest && this.#entries.size > MAX_KEYS) this.#remove(...oldest);
  }

  #remove(key: string, entry: Entry<T>): void {
    this.#entries.delete(key);
    const left = (this.#groups.get(entry.group) ?? 1) - 1;
    if (left > 0) this.#groups.set(entry.group, left);
    else this.#groups.delete(entry.group);
    const { item, count, fromMs } = entry;
    if (count > 0) this.#pushedOut.push({ item, count, since: new Date(fromMs) });
  }
}
