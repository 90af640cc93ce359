import { newId } from '@easel/schema/ids';
import { describe, expect, it } from 'vitest';
import { someBeat } from '../worker/test-worker.kit.ts';
import { createHeard, type Storing } from './heard.ts';

function make(options: { heartbeatMs?: number; lostMs?: number } = {}) {
  const state = { nowMs: 0 };
  const heard = createHeard({
    heartbeatMs: 10_000,
    lostMs: 30_000,
    ...options,
    now: () => state.nowMs,
    random: () => 0,
  });
  const worker = { environmentId: newId('environment'), generation: 1 };
  /** What becomes of beats at these moments. */
  const beats = (moments: number[], isWatched = false, beat = someBeat()): Storing[] =>
    moments.map((seconds) => {
      state.nowMs = seconds * 1000;
      return heard.note(worker, beat, isWatched);
    });
  return { heard, worker, state, beats };
}

describe('of the beats that are heard', () => {
  it('a sign of life is stored often enough for nobody to doubt it, the numbers once a minute', () => {
    const { beats } = make();
    const stored = beats([0, 10, 20, 30, 40, 50, 60, 70, 80]);
    expect(stored).toEqual(['introduce', null, 'sign', null, 'sign', null, 'numbers', null, 'sign']);
  });

  it.each([
    [10_000, 30_000],
    [10_000, 15_000],
    [14_000, 30_000],
    [1_000, 3_000],
    [2_000, 60_000],
  ])('with one every %i ms none is stored too late for a limit of %i ms', (heartbeatMs, lostMs) => {
    const { heard, worker, state } = make({ heartbeatMs, lostMs });
    let storedMs = 0;
    for (let i = 0; i < 500; i++) {
      state.nowMs = i * heartbeatMs;
      if (heard.note(worker, someBeat(), false) === null) continue;
      // The write itself, and a late beat, still fit.
      expect(state.nowMs - storedMs).toBeLessThan(Math.max(heartbeatMs + 1, lostMs * 0.75));
      storedMs = state.nowMs;
    }
  });

  it('all are stored while somebody watches', () => {
    const { beats } = make();
    expect(beats([0, 10, 20, 30], true)).toEqual(['introduce', 'numbers', 'numbers', 'numbers']);
  });

  it('what people decide by is stored at once, what merely moves is not', () => {
    const { beats } = make();
    const beat = someBeat();
    beats([0], false, beat);
    const { resources } = beat;
    expect(
      beats([10], false, { ...beat, at: '2026-01-01T00:00:00.000Z', resources: { ...resources!, cpus: 2 } }),
    ).toEqual([null]);
    expect(beats([11], false, { ...beat, git: [{ ...beat.git![0]!, uncommitted: 9 }] })).toEqual(['numbers']);
    expect(beats([12], false, { ...beat, ports: [] })).toEqual(['numbers']);
  });

  it('the first after a pause, and the first of another generation, are looked at closely', () => {
    const { beats, heard, worker, state } = make();
    expect(beats([0, 10, 40])).toEqual(['introduce', null, 'introduce']);
    expect(heard.note({ ...worker, generation: 2 }, someBeat(), false)).toBe('introduce');
    state.nowMs += 10_000;
    expect(heard.note({ ...worker, generation: 2 }, null, false)).toBe('introduce');
    heard.forget(worker.environmentId);
    expect(heard.note({ ...worker, generation: 2 }, someBeat(), false)).toBe('introduce');
  });

  it('those that are missing for the limit are told, once', () => {
    const { beats, heard, worker, state } = make();
    beats([0, 10]);
    state.nowMs = 39_999;
    expect(heard.takeSilent(30_000)).toEqual([]);
    expect(heard.has(worker.environmentId, 30_000)).toBe(true);
    state.nowMs = 40_000;
    expect(heard.takeSilent(30_000)).toEqual([worker.environmentId]);
    expect(heard.takeSilent(30_000)).toEqual([]);
    expect(heard.has(worker.environmentId, 60_000)).toBe(false);
  });
});
