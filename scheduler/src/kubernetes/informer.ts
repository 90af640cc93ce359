/**
 * Keeps a small view of each object of one kind, without a request per object: list, then watch.
 *
 *   list ─▶ watch from its version ─ended by the server─▶ watch on        410 ─▶ list        any other error ─wait▶ watch on
 *
 * It goes on until it is told to stop. A watch is asked to end after about a minute and is given up when it does not, so a
 * connection that is dead without saying so is noticed. What comes late or twice (an event older than what is known, a list
 * of an API server that lags behind, an object that is gone) changes nothing. What one of our own writes answered is known
 * at once (`learn`), not only when the watch tells it.
 */
import { type Backoff, fullJitter } from '@easel/kit/backoff';
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import type { Counter, Metrics } from '@easel/kit/metrics';
import { z } from 'zod';
import { KubernetesError } from './api-error.ts';
import type { ApiServer } from './api-server.ts';
import { isOlder } from './versions.ts';

/** What every view has. */
export interface View {
  name: string;
  uid: string;
  version: string;
}

export interface InformerOptions<V extends View> {
  /** For logs and metrics: `pods`. */
  kind: string;
  path: string;
  labelSelector?: string;
  /** Null for what is none of our business. */
  read: (raw: unknown) => V | null;
  /** Told after the view has changed: the new one, or null with the last one. */
  onChange: (view: V | null, before: V | null) => void;
  api: ApiServer;
  log: Log;
  clock: Clock;
  metrics: Metrics;
  signal: AbortSignal;
}

const listSchema = z.object({
  metadata: z.object({ resourceVersion: z.string(), continue: z.string().nullish() }),
  items: z.array(z.unknown()).nullable(),
});
const bookmarkSchema = z.object({ metadata: z.object({ resourceVersion: z.string() }) });

const pageSize = 500;
/** The server ends a watch after this, which costs one cheap request. */
const watchSeconds = 60;
/** A watch that has not ended this long after its time is dead. */
const stalledMs = 15_000;
const backoff: Backoff = { baseMs: 250, maxMs: 15_000 };
/** A list that is older than what is known comes from a server that lags behind; after so many, the history was reset. */
const staleLists = 5;
/** Ends remembered, so that the late answer to a write does not bring an object back. */
const maxGone = 2_000;

export class Informer<V extends View> {
  readonly #options: InformerOptions<V>;
  readonly #views = new Map<string, V>();
  readonly #gone = new Set<string>();
  readonly #restarts: Counter;
  readonly #synced = Promise.withResolvers<void>();
  #isSynced = false;
  /** Where the watch goes on; null asks for a list first. */
  #version: string | null = null;
  /** The newest version that the watch or a list has told. */
  #newest: string | null = null;

  constructor(options: InformerOptions<V>) {
    this.#options = options;
    this.#restarts = options.metrics.counter('easel_scheduler_informer_restarts_total', 'Lists and broken watches', [
      'kind',
      'cause',
    ]);
  }

  /** Resolves after the first list. */
  get synced(): Promise<void> {
    return this.#synced.promise;
  }

  /** Says whether a list has been read. */
  get isSynced(): boolean {
    return this.#isSynced;
  }

  get(name: string): V | undefined {
    return this.#views.get(name);
  }

  all(): Iterable<V> {
    return this.#views.values();
  }

  /** Takes what a write of ours answered. */
  learn(raw: unknown): V | null {
    const view = this.#options.read(raw);
    if (view) this.#put(view);
    return view;
  }

  /** The object is known to be gone. */
  forget(name: string): void {
    const view = this.#views.get(name);
    if (view) this.#drop(view);
  }

  /** Lists and watches until the signal aborts; never rejects. */
  async run(): Promise<void> {
    const { kind, log, clock, signal } = this.#options;
    let failures = 0;
    let stale = 0;
    while (!signal.aborted) {
      try {
        if (this.#version === null) {
          const isTaken = await this.#list(stale < staleLists);
          stale = isTaken ? 0 : stale + 1;
          if (!isTaken) throw new Error('a list is older than what is known');
        }
        await this.#watch();
        failures = 0;
      } catch (err) {
        if (signal.aborted) break;
        const isExpired = err instanceof KubernetesError && (err.status === 410 || err.reason === 'Expired');
        if (isExpired) this.#version = null;
        this.#restarts.inc({ kind, cause: isExpired ? 'expired' : 'error' });
        // The history has moved on: that is no trouble, unless it goes on like this.
        const waitMs = isExpired && failures === 0 ? 0 : fullJitter(backoff, failures);
        failures++;
        if (!isExpired) log.warn({ kind, attempt: failures, err }, 'informer broke off, to go on');
        const asked = err instanceof KubernetesError ? (err.retryAfterMs ?? 0) : 0;
        await clock.sleep(Math.max(waitMs, asked), signal).catch(() => undefined);
      }
    }
    // Whoever waits for the first list has been told to stop, too.
    this.#synced.resolve();
  }

  /** False when the answer is older than what is known, and was not taken. */
  async #list(mayBeStale: boolean): Promise<boolean> {
    const { api, path, labelSelector, read } = this.#options;
    const views: V[] = [];
    let version = '';
    let next: string | undefined;
    do {
      const page = listSchema.parse(
        await api.call({ path, query: { limit: pageSize, labelSelector, continue: next } }),
      );
      version = page.metadata.resourceVersion;
      next = page.metadata.continue || undefined;
      views.push(...(page.items ?? []).map(read).filter((view) => view !== null));
    } while (next);
    const isStale = this.#newest !== null && isOlder(version, this.#newest);
    if (isStale && mayBeStale) return false;
    const there = new Set(views.map(({ name }) => name));
    for (const known of [...this.#views.values()]) {
      // What a write of ours made after the list was read is not in it.
      if (!there.has(known.name) && (isStale || !isOlder(version, known.version))) this.#drop(known);
    }
    for (const view of views) this.#put(view, isStale);
    this.#version = version;
    this.#newest = version;
    this.#isSynced = true;
    this.#synced.resolve();
    return true;
  }

  async #watch(): Promise<void> {
    const { api, path, labelSelector, signal } = this.#options;
    await api.watch({
      path,
      query: {
        labelSelector,
        resourceVersion: this.#version ?? undefined,
        allowWatchBookmarks: true,
        timeoutSeconds: watchSeconds,
      },
      limitMs: watchSeconds * 1000 + stalledMs,
      signal,
      onEvent: (type, raw) => this.#take(type, raw),
    });
  }

  #take(type: string, raw: unknown): void {
    const bookmark = bookmarkSchema.safeParse(raw);
    if (bookmark.success) this.#see(bookmark.data.metadata.resourceVersion);
    if (type === 'BOOKMARK') return;
    const view = this.#options.read(raw);
    if (!view) return;
    if (type !== 'DELETED') this.#put(view);
    else if (this.#views.get(view.name)?.uid === view.uid) this.#drop(view);
  }

  #see(version: string): void {
    if (this.#newest && isOlder(version, this.#newest)) return;
    this.#newest = version;
    this.#version = version;
  }

  #put(view: V, mayBeOlder = false): void {
    const before = this.#views.get(view.name) ?? null;
    if (this.#gone.has(view.uid) || before?.version === view.version) return;
    if (before?.uid === view.uid && !mayBeOlder && isOlder(view.version, before.version)) return;
    this.#views.set(view.name, view);
    this.#options.onChange(view, before);
  }

  #drop(view: V): void {
    this.#gone.add(view.uid);
    for (const uid of this.#gone) if (this.#gone.size > maxGone) this.#gone.delete(uid);
    const before = this.#views.get(view.name) ?? null;
    this.#views.delete(view.name);
    this.#options.onChange(null, before);
  }
}
