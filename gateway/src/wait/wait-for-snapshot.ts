/** Waits for a snapshot: asked for again and again, since it may take minutes and tells nothing but its state. */
import { setTimeout as after } from 'node:timers/promises';
import type { Api } from '../api/api.ts';
import { type Snapshot, snapshotsQuery } from '../api/snapshots.ts';
import type { Context } from '../context.ts';
import { CommandError } from '../failure.ts';
import { duration } from '../output/format.ts';
import type { WaitOptions } from './wait.ts';

const everyMs = 1_000;

/** Gives the snapshot once it can be restored. Throws SNAPSHOT_FAILED, TIMED_OUT, NOT_FOUND, or what interrupts it. */
export async function waitForSnapshot(
  { io, out }: Context,
  { api, snapshot, timeout }: { api: Api; snapshot: Snapshot; timeout: WaitOptions['timeout'] },
): Promise<Snapshot> {
  const { id, name } = snapshot;
  const endsAtMs = timeout === undefined ? Number.POSITIVE_INFINITY : Date.now() + timeout * 1000;
  let told = '';
  for (let now: Snapshot | undefined = snapshot; ; now = (await api.all(snapshotsQuery)).find((one) => one.id === id)) {
    if (!now || now.state === 'deleting' || now.state === 'deleted') {
      throw new CommandError('NOT_FOUND', `the snapshot ${name} was deleted meanwhile`);
    }
    if (now.state === 'ready') return now;
    if (now.state === 'failed') {
      const {
        class: failureClass,
        message,
        advice,
      } = now.failure ?? { class: 'internal', message: 'no reason was given', advice: '' };
      const text = `the snapshot ${name} failed (${failureClass}): ${message}`;
      throw new CommandError('SNAPSHOT_FAILED', advice ? `${text}\n${advice}` : text, { class: failureClass, advice });
    }
    const news = now.reason ? `${now.state}: ${now.reason}` : now.state;
    if (news !== told) out.note(`${name} is ${news}`);
    told = news;
    if (Date.now() >= endsAtMs) {
      const waited = duration((timeout ?? 0) * 1000);
      throw new CommandError(
        'TIMED_OUT',
        `the snapshot ${name} is ${now.state}, not ready, after ${waited}; it goes on: \`easel snapshot list\``,
      );
    }
    await after(Math.min(everyMs, endsAtMs - Date.now()), undefined, { signal: io.signal }).catch(() => {
      io.signal.throwIfAborted();
    });
  }
}
