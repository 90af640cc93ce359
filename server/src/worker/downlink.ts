/**
 * What the server tells a connected worker: stop, freeze and thaw, other keys, a new relay ticket. The row is the truth: at every hint, and
 * once a minute in case one was lost, it is read again, and the worker is told what it does not know yet.
 */
import { fullJitter } from '@easel/kit/backoff';
import type { Log } from '@easel/kit/log';
import { AppError } from '@easel/schema/errors';
import type { ServerMessage } from '@easel/schema/wire/worker';
import type { EnvironmentFacts, RelayAccess, WorkerAccess, WorkerWish } from '../environment/facts.ts';
import type { Changed } from '../live/live.ts';

export interface Downlink {
  close(): void;
}

export interface DownlinkOptions {
  facts: Pick<EnvironmentFacts, 'workerWish' | 'freezeWishes' | 'entry' | 'relayAccess'>;
  access: WorkerAccess;
  changes: AsyncIterableIterator<Changed>;
  send(message: ServerMessage): void;
  /** The worker has nothing more to do here and is not to come back. */
  leave(reason: string): void;
  fail(err: unknown): void;
  log: Log;
}

const lookAgainMs = 60_000;
/** A worker that is not wanted any more gets this long to end what it runs and to send its last lines. */
const leaveSeconds = 15;
const leaveReason = 'the environment has no work for this worker any more';
/** While the platform has no relay, or the ticket could not be made. */
const relayRetryMs = { baseMs: 10_000, maxMs: 30_000 };

export function createDownlink(options: DownlinkOptions): Downlink {
  const { facts, access, changes, send, log } = options;
  const { authorizedKeys, certificateAuthorities } = access.manifest;
  let entryTold = JSON.stringify({ authorizedKeys, revokedCredentials: [], certificateAuthorities });
  let stopTold: string | undefined;
  /** The last verb per snapshot: told once in a connection, and again in the next until the worker has said that it is done. */
  const freezesTold = new Map<string, 'freeze' | 'thaw'>();
  let isClosed = false;
  let leaveTimer: NodeJS.Timeout | undefined;
  let relayTimer: NodeJS.Timeout | undefined;

  async function tellWish(): Promise<void> {
    const wish = await facts.workerWish(access);
    if (isClosed) return;
    if (wish.kind === 'leave') beginLeaving();
    if (wish.kind === 'stop') tellStop(wish);
  }

  function tellStop(wish: Extract<WorkerWish, { kind: 'stop' }>): void {
    if (stopTold === wish.reason) return;
    stopTold = wish.reason;
    log.info({ reason: wish.reason }, 'worker told to stop');
    send({ type: 'worker.stop', reason: wish.reason, deadlineSeconds: wish.deadlineSeconds });
  }

  function beginLeaving(): void {
    if (leaveTimer) return;
    if (stopTold === undefined) tellStop({ kind: 'stop', reason: leaveReason, deadlineSeconds: leaveSeconds });
    leaveTimer = setTimeout(() => options.leave(leaveReason), leaveSeconds * 1000);
  }

  async function tellFreezes(): Promise<void> {
    const wishes = await facts.freezeWishes(access);
    if (isClosed) return;
    for (const { snapshotId, verb, limitSeconds } of wishes) {
      if (freezesTold.get(snapshotId) === verb) continue;
      freezesTold.set(snapshotId, verb);
      log.info({ snapshotId, verb }, 'worker told of a snapshot');
      send(
        verb === 'freeze' ? { type: 'worker.freeze', snapshotId, limitSeconds } : { type: 'worker.thaw', snapshotId },
      );
    }
  }

  async function tellEntry(): Promise<void> {
    const entry = await facts.entry(access.environmentId);
    const text = JSON.stringify(entry);
    if (isClosed || text === entryTold) return;
    entryTold = text;
    send({ type: 'keys.update', ...entry });
  }

  async function look(): Promise<void> {
    try {
      await tellWish();
      await tellFreezes();
      await tellEntry();
    } catch (err) {
      // The database is away: the next look tells it.
      if (!(err instanceof AppError && err.retryable)) throw err;
      log.warn({ err }, 'cannot read what the worker is to do');
    }
  }

  async function follow(): Promise<void> {
    await look();
    let next = changes.next();
    while (!isClosed) {
      let timer: NodeJS.Timeout | undefined;
      const later = new Promise<'later'>((resolve) => {
        timer = setTimeout(resolve, lookAgainMs, 'later');
      });
      const outcome = await Promise.race([next, later]);
      clearTimeout(timer);
      if (isClosed || (outcome !== 'later' && outcome.done)) return;
      if (outcome !== 'later') next = changes.next();
      await look();
    }
  }

  async function renewRelay(attempt: number): Promise<void> {
    let relay: RelayAccess | null = null;
    try {
      relay = await facts.relayAccess(access);
    } catch (err) {
      log.warn({ attempt, err }, 'relay ticket not renewed');
    }
    if (isClosed) return;
    if (relay) send({ type: 'relay.update', relay });
    planRenewal(relay, relay ? 0 : attempt + 1);
  }

  /** In the third quarter of its life, spread so that a thousand workers do not ask at once. */
  function planRenewal(relay: RelayAccess | null, attempt: number): void {
    const leftMs = relay ? Date.parse(relay.expiresAt) - Date.now() : 0;
    const waitMs = relay
      ? Math.max(1_000, leftMs * (0.5 + Math.random() * 0.25))
      : 1_000 + fullJitter(relayRetryMs, attempt);
    relayTimer = setTimeout(() => void renewRelay(attempt), waitMs);
  }

  follow().catch(options.fail);
  planRenewal(access.relay, 0);
  return {
    close() {
      isClosed = true;
      clearTimeout(leaveTimer);
      clearTimeout(relayTimer);
      void changes.return?.();
    },
  };
}
