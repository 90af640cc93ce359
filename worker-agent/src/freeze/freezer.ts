/**
 * Keeps the volume still while a snapshot of it is cut.
 *
 *   idle ─freeze▶ synced, and frozen where that may be ─thaw, limit, end of the worker▶ idle
 *
 * Where the file system is not the volume's alone, or the worker has no privilege, it is synced and nothing more: the cut is then
 * what a disk holds after a power cut. If the server dies, the limit thaws; if the worker dies, its guard does, and should the
 * guard die too, the next worker on the volume.
 */
import { readFileSync, realpathSync } from 'node:fs';
import type { Clock, Timer } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import type { ServerMessage, WorkerEvent } from '@easel/schema/wire/worker';
import { syncVolume } from '../stop/stop.ts';
import { isFreezable } from './freezable.ts';
import { freezeFileSystem, type Guard, thawFileSystem } from './guard.ts';

export type Freeze = Extract<ServerMessage, { type: 'worker.freeze' }>;
export type Thaw = Extract<ServerMessage, { type: 'worker.thaw' }>;
type Report = (event: Extract<WorkerEvent, { type: 'volume.frozen' | 'volume.thawed' }>) => void;

/** The guard's own limit comes after ours: it is for the case that we cannot act. */
const guardExtraSeconds = 2;

interface Held {
  snapshotId: Freeze['snapshotId'];
  guard: Guard | null;
  timer: Timer;
}

export class Freezer {
  readonly #options: {
    volumeDir: string;
    report: Report;
    /** Whether a start or a stop is writing to the volume: then it is synced only. */
    isBusy: () => boolean;
    clock: Clock;
    log: Log;
    hold: typeof freezeVolume;
  };
  #held: Held | null = null;
  #isEnded = false;
  /** One thing after the other. */
  #last: Promise<void> = Promise.resolve();

  constructor(options: {
    volumeDir: string;
    report: Report;
    isBusy: () => boolean;
    clock: Clock;
    log: Log;
    /** A test has no file system to freeze. */
    hold?: typeof freezeVolume;
  }) {
    this.#options = { hold: freezeVolume, ...options };
  }

  freeze(command: Freeze): void {
    this.#then(() => this.#freeze(command));
  }

  thaw({ snapshotId }: Thaw): void {
    this.#then(async () => {
      // One that the limit, or the end, has thawed was told of then.
      if (this.#held?.snapshotId === snapshotId) await this.#thaw(null);
    });
  }

  /** Thaws for good. Resolves when the volume takes writes. */
  end(): Promise<void> {
    this.#isEnded = true;
    this.#then(() => this.#thaw('The environment ended while its volume was held for a snapshot.'));
    return this.#last;
  }

  #then(work: () => Promise<void>): void {
    this.#last = this.#last
      .then(work)
      .catch((err: unknown) => this.#options.log.error({ err }, 'volume not frozen or thawed'));
  }

  async #freeze({ snapshotId, limitSeconds }: Freeze): Promise<void> {
    const { report, volumeDir, clock, log } = this.#options;
    if (this.#isEnded) return;
    if (this.#held?.snapshotId === snapshotId) return report({ type: 'volume.frozen', snapshotId });
    await this.#thaw('Another snapshot was asked for.');
    await syncVolume(volumeDir, log);
    const guard = this.#options.isBusy() ? null : await this.#options.hold(volumeDir, limitSeconds + guardExtraSeconds);
    const timer = clock.setTimeout(() => this.#then(() => this.#expire(snapshotId, limitSeconds)), limitSeconds * 1000);
    this.#held = { snapshotId, guard, timer };
    log.info({ snapshotId, isFrozen: guard !== null }, 'volume held for a snapshot');
    report({ type: 'volume.frozen', snapshotId });
  }

  async #expire(snapshotId: Held['snapshotId'], limitSeconds: number): Promise<void> {
    if (this.#held?.snapshotId !== snapshotId) return;
    await this.#thaw(`It was held for ${limitSeconds} seconds, and nobody asked to thaw it.`);
  }

  async #thaw(problem: string | null): Promise<void> {
    const held = this.#held;
    if (!held) return;
    this.#held = null;
    held.timer.cancel();
    const { report, log } = this.#options;
    const { snapshotId } = held;
    const isWhole = held.guard === null || (await held.guard.thaw());
    const said = problem ?? (isWhole ? null : 'The file system did not stay frozen all the time.');
    log.info({ snapshotId, problem: said }, 'volume thawed');
    report({ type: 'volume.thawed', snapshotId, problem: said });
  }
}

async function freezeVolume(dir: string, limitSeconds: number): Promise<Guard | null> {
  const place = freezablePlace(dir);
  return place === null ? null : freezeFileSystem(place, limitSeconds);
}

/** Before anything is written to a volume: a worker that was killed may have left it frozen. */
export async function thawLeft(dir: string): Promise<void> {
  const place = freezablePlace(dir);
  if (place !== null) await thawFileSystem(place);
}

function freezablePlace(dir: string): string | null {
  try {
    const place = realpathSync(dir);
    return isFreezable(readFileSync('/proc/self/mountinfo', 'utf8'), place) ? place : null;
  } catch {
    return null;
  }
}
