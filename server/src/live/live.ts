/**
 * Who is told when something changes. The row is the truth and these are hints: whoever gets one reads the row again.
 *
 * Writers call `notifyInTransaction` (notify.ts) with the ids that they changed. Every server listens on one connection
 * and passes the hints on to those of its readers whom they concern. A reader that is too slow, and every reader after
 * the listening connection was lost, gets `resync` and reads everything again.
 *
 * Subscriptions begin when the method is called, not at the first `next`: call it, then read the row, then iterate. End
 * each with `return()` (a `for await` does so, and so does `liveStream` of stream.ts).
 */
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import type { EnvironmentId, PlatformId, UserId } from '@easel/schema/ids';
import { listen } from './listener.ts';
import { decodeHints, type EnvironmentHint, type RawExecutor } from './notify.ts';
import { Subscriber } from './subscriber.ts';

export type EnvironmentsChanged = { kind: 'changed' | 'removed'; id: EnvironmentId } | { kind: 'resync' };
export type Changed = { kind: 'changed' | 'resync' };

export interface Live {
  /** Changes of the owner's environments, or of all. */
  environments(filter: { ownerId?: UserId }): AsyncIterableIterator<EnvironmentsChanged>;
  environment(id: EnvironmentId): AsyncIterableIterator<Changed>;
  /** Something waits in the platform's queue. */
  placements(platformId: PlatformId): AsyncIterableIterator<Changed>;
  /** The row of a platform has changed: of this one, or of any. */
  platforms(filter: { id?: PlatformId }): AsyncIterableIterator<Changed>;
  /** The environment's log has grown or ended. */
  log(environmentId: EnvironmentId): AsyncIterableIterator<Changed>;
  /** The environment's connected worker must be told something: its wish or its keys have changed. */
  worker(environmentId: EnvironmentId): AsyncIterableIterator<Changed>;
  /** Something has come into the user's inbox, or was read. */
  inbox(userId: UserId): AsyncIterableIterator<Changed>;
  /** Something is shared with this user or group since now, or no longer. */
  guest(userOrGroupId: string): AsyncIterableIterator<Changed>;
  /**
   * Hints for the readers of this process alone, of what is not worth a notification: fresh resource numbers. Readers of
   * all environments get them only in small numbers.
   */
  touch(environments: readonly EnvironmentHint[]): void;
  /** Which environments somebody in this process watches, and whose. */
  watched(): { environmentIds: EnvironmentId[]; ownerIds: UserId[] };
}

export interface LiveOptions {
  databaseUrl: string;
  database: RawExecutor;
  log: Log;
  signal: AbortSignal;
  clock?: Clock;
}

/** Starts to listen. Rejects when the database cannot be reached. */
export async function createLive(options: LiveOptions): Promise<Live & { closed: Promise<void> }> {
  const hub = createHub();
  const listener = await listen({ ...options, onPayload: hub.tell, onResync: hub.resyncAll });
  return Object.assign(hub.live, { closed: listener.closed });
}

/** Ids that a reader may be behind before it has to read everything again. */
const maxPending = 1000;
/** More touched environments at once than this are not told to readers of all environments. */
const maxTouchesForAll = 100;
const resync = { kind: 'resync' } as const;
const changed = { kind: 'changed' } as const;

/** The readers of one process, without the database: `tell` takes payloads as they come. */
export function createHub(): { live: Live; tell(payload: string): void; resyncAll(): void } {
  const all = topic<EnvironmentsChanged>();
  const owners = topics<EnvironmentsChanged>();
  const environments = topics<Changed>();
  const placements = topics<Changed>();
  const allPlatforms = topic<Changed>();
  const platforms = topics<Changed>();
  const logs = topics<Changed>();
  const workers = topics<Changed>();
  const inboxes = topics<Changed>();
  const guests = topics<Changed>();

  const tellEnvironment = (hint: EnvironmentHint, kind: 'changed' | 'removed') => {
    all.push(hint.id, { kind, id: hint.id });
    owners.push(hint.ownerId, hint.id, { kind, id: hint.id });
    environments.push(hint.id, hint.id, changed);
  };
  const live: Live = {
    environments: ({ ownerId }) => (ownerId === undefined ? all.subscribe() : owners.subscribe(ownerId)),
    environment: (id) => environments.subscribe(id),
    placements: (platformId) => placements.subscribe(platformId),
    platforms: ({ id }) => (id === undefined ? allPlatforms.subscribe() : platforms.subscribe(id)),
    log: (environmentId) => logs.subscribe(environmentId),
    worker: (environmentId) => workers.subscribe(environmentId),
    inbox: (userId) => inboxes.subscribe(userId),
    guest: (id) => guests.subscribe(id),
    touch(hints) {
      for (const { id, ownerId } of hints) {
        if (hints.length <= maxTouchesForAll) all.push(id, { kind: 'changed', id });
        owners.push(ownerId, id, { kind: 'changed', id });
        environments.push(id, id, changed);
      }
    },
    watched: () => ({
      environmentIds: environments.keys() as EnvironmentId[],
      ownerIds: owners.keys() as UserId[],
    }),
  };
  return {
    live,
    tell(payload) {
      const hints = decodeHints(payload);
      for (const hint of hints.environments) tellEnvironment(hint, 'changed');
      for (const hint of hints.removed) tellEnvironment(hint, 'removed');
      for (const id of hints.placements) placements.push(id, id, changed);
      for (const id of hints.platforms) {
        // Who reads the list reads all of it, whichever has changed.
        allPlatforms.push('platforms', changed);
        platforms.push(id, id, changed);
      }
      for (const id of hints.logs) logs.push(id, id, changed);
      for (const id of hints.workers) workers.push(id, id, changed);
      for (const id of hints.inboxes) inboxes.push(id, id, changed);
      for (const id of hints.guests) guests.push(id, id, changed);
    },
    resyncAll() {
      all.resync();
      allPlatforms.resync();
      const groups = [owners, environments, placements, platforms, logs, workers, inboxes, guests];
      for (const group of groups) group.resync();
    },
  };
}

/** The readers of one thing. */
function topic<Change>(onEmpty: () => void = () => undefined) {
  const subscribers = new Set<Subscriber<Change>>();
  return {
    subscribe(): AsyncIterableIterator<Change> {
      const subscriber: Subscriber<Change> = new Subscriber<Change>({
        resync: resync as Change,
        maxPending,
        onEnd: () => {
          subscribers.delete(subscriber);
          if (subscribers.size === 0) onEmpty();
        },
      });
      subscribers.add(subscriber);
      return subscriber;
    },
    push(key: string, change: Change) {
      for (const subscriber of subscribers) subscriber.push(key, change);
    },
    resync() {
      for (const subscriber of subscribers) subscriber.resync();
    },
  };
}

/** The readers of things with ids. A thing that nobody reads takes no room. */
function topics<Change>() {
  const byId = new Map<string, ReturnType<typeof topic<Change>>>();
  return {
    subscribe(id: string): AsyncIterableIterator<Change> {
      const known = byId.get(id) ?? topic<Change>(() => byId.delete(id));
      byId.set(id, known);
      return known.subscribe();
    },
    push(id: string, key: string, change: Change) {
      byId.get(id)?.push(key, change);
    },
    resync() {
      for (const known of byId.values()) known.resync();
    },
    keys: () => [...byId.keys()],
  };
}
