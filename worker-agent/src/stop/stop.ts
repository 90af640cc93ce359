/** The graceful end of an environment that is up: the stop script, then everything inside, then the volume on the disk. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import type { Manifest } from '@easel/schema/wire/manifest';
import type { LogLine } from '@easel/schema/wire/worker';
import type { Place } from '../bring-up.ts';
import { Failed } from '../steps/failed.ts';
import { runScript } from '../steps/script.ts';

/** Kept back of a stop's time for what comes after the script. */
const reserveMs = 15_000;
const syncLimitMs = 30_000;

/** Runs the stop script, if there is one and time for it. Says whether it ended well; never throws. */
export async function runStopScript(options: {
  place: Place;
  scripts: Manifest['scripts'];
  line: (source: string, stream: LogLine['stream'], text: string) => void;
  clock: Clock;
  log: Log;
  /** All the time that the stop has. */
  softMs: number;
}): Promise<{ isClean: boolean; text: string }> {
  const { place, clock, log } = options;
  const script = options.scripts.stop;
  if (!script) return { isClean: true, text: '' };
  const limitMs = Math.max(options.softMs - reserveMs, options.softMs / 2);
  const line = (text: string, stream: LogLine['stream']) => options.line('worker', stream, text);
  try {
    const { inside, project: cwd, env } = place;
    const { signal } = new AbortController();
    await runScript({ name: 'stop', script, inside, cwd, env, line, clock, signal, limitMs });
    return { isClean: true, text: '' };
  } catch (err) {
    const text = err instanceof Failed ? err.failure.message : 'The stop script could not be run.';
    line(text, 'system');
    log.warn({ err }, 'stop script failed');
    return { isClean: false, text };
  }
}

/** Puts the volume on the disk. Says whether that was done in time; no volume is in order. Source: sync(1), `-f`. */
export async function syncVolume(dir: string, log: Log): Promise<boolean> {
  if (!existsSync(dir)) return true;
  try {
    await promisify(execFile)('sync', ['-f', dir], { timeout: syncLimitMs });
    return true;
  } catch (err) {
    log.warn({ err }, 'volume not synced');
    return false;
  }
}
