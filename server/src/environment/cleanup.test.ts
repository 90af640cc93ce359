/** When an unused environment goes: never before it was unused long enough, and the warning was out for the whole notice. */
import { describe, expect, it } from 'vitest';
import { cleanupOf } from './cleanup.ts';

const DAY_MS = 86_400_000;
const day = (count: number) => new Date(count * DAY_MS);
const policy = { days: 30, noticeDays: 3 };
const stopped = {
  phase: 'stopped',
  desired: 'stopped',
  createdAt: day(0),
  stoppedAt: day(100),
  failedAt: null,
  keptAt: null,
  cleanupAt: null,
  cleanupWarnedAt: null,
};

describe('an environment', () => {
  it('that is stopped goes after the period, with a warning before', () => {
    expect(cleanupOf(stopped, policy, day(110))).toEqual({ at: day(130), warnAt: day(127), isWarned: false });
  });

  it('that failed goes, too', () => {
    const failed = { ...stopped, phase: 'failed', failedAt: day(105) };
    expect(cleanupOf(failed, policy, day(110))?.at).toEqual(day(135));
  });

  it.each([
    'queued',
    'provisioning',
    'starting',
    'running',
    'interrupted',
    'stopping',
    'deleting',
    'deleted',
    'archived',
  ])('that is %s does not go by itself', (phase) =>
    expect(cleanupOf({ ...stopped, phase }, policy, day(1000))).toBeNull(),
  );

  it('that nobody was warned of in time goes only when the notice is over', () => {
    expect(cleanupOf(stopped, policy, day(500))).toEqual({ at: day(503), warnAt: day(500), isWarned: false });
  });

  it('whose period is shorter than the notice is warned of at once', () => {
    expect(cleanupOf(stopped, { days: 1, noticeDays: 3 }, day(100))).toMatchObject({ at: day(103), warnAt: day(100) });
  });

  it('that is kept goes a whole period later', () => {
    expect(cleanupOf({ ...stopped, keptAt: day(128) }, policy, day(129))?.at).toEqual(day(158));
  });

  it('that was warned of goes when the warning said so', () => {
    const warned = { ...stopped, cleanupAt: day(131), cleanupWarnedAt: day(128) };
    expect(cleanupOf(warned, policy, day(130))).toEqual({ at: day(131), warnAt: day(128), isWarned: true });
  });

  it('that was used after the warning, or has got a longer period since, is warned of anew', () => {
    const warned = { ...stopped, cleanupAt: day(131), cleanupWarnedAt: day(128) };
    expect(cleanupOf({ ...warned, stoppedAt: day(129) }, policy, day(140))).toMatchObject({
      at: day(159),
      isWarned: false,
    });
    expect(cleanupOf(warned, { ...policy, days: 60 }, day(140))).toMatchObject({ at: day(160), isWarned: false });
  });
});
