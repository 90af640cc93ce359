/** When an environment that nobody uses is deleted. Pure. */
import type { Environment } from '../generated/prisma/client.ts';

const DAY_MS = 86_400_000;

export interface Policy {
  /** Unused for so long, it is deleted. */
  days: number;
  /** The warning is out for so long before. */
  noticeDays: number;
}

export interface PlannedCleanup {
  at: Date;
  /** Its owner is told then. */
  warnAt: Date;
  /** He has been told, and the time since then counts. */
  isWarned: boolean;
}

type Unused = Pick<
  Environment,
  'phase' | 'desired' | 'createdAt' | 'stoppedAt' | 'failedAt' | 'keptAt' | 'cleanupAt' | 'cleanupWarnedAt'
>;

/** Null for what is in use, or going already. What is warned of is never deleted before the warning said so. */
export function cleanupOf(row: Unused, policy: Policy, now: Date): PlannedCleanup | null {
  if ((row.phase !== 'stopped' && row.phase !== 'failed') || row.desired === 'deleted') return null;
  const unusedSince = unusedSinceOf(row).getTime();
  const dueMs = unusedSince + policy.days * DAY_MS;
  const noticeMs = policy.noticeDays * DAY_MS;
  const { cleanupAt, cleanupWarnedAt } = row;
  // A release that does not know of warnings may have started it since, and a longer period may have been set.
  const isWarned =
    cleanupAt !== null &&
    cleanupWarnedAt !== null &&
    cleanupWarnedAt.getTime() >= unusedSince &&
    dueMs <= cleanupAt.getTime();
  if (isWarned) return { at: cleanupAt, warnAt: cleanupWarnedAt, isWarned };
  const warnMs = Math.max(dueMs - noticeMs, now.getTime());
  return { at: new Date(Math.max(dueMs, warnMs + noticeMs)), warnAt: new Date(warnMs), isWarned };
}

/** What stands still was used last when it came to a stand, or when somebody said that it is needed. */
function unusedSinceOf({ phase, createdAt, stoppedAt, failedAt, keptAt }: Unused): Date {
  const stood = (phase === 'stopped' ? stoppedAt : failedAt) ?? createdAt;
  return keptAt && keptAt > stood ? keptAt : stood;
}
