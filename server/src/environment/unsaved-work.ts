/** What a delete would lose: the work that no remote has, as the worker's last heartbeat told it. */
import { AppError } from '@easel/schema/errors';
import { type GitStatus, gitStatusSchema } from '@easel/schema/wire/worker';
import { z } from 'zod';

const beatSchema = z.object({ git: z.array(gitStatusSchema).nullable() });

/** The git part of a heartbeat as it was stored; none when there has been none. */
export function gitOf(beat: unknown): GitStatus[] {
  const parsed = beatSchema.safeParse(beat);
  return parsed.data?.git ?? [];
}

/** Throws WRONG_STATE that names what would be lost. */
export function refuseLossOf(git: readonly GitStatus[]): void {
  const losses = git.filter((status) => status.uncommitted > 0 || (status.unpushed ?? 0) > 0);
  if (losses.length === 0) return;
  throw new AppError({
    code: 'WRONG_STATE',
    message: `deleting would lose ${losses.map(describe).join('; ')}: push it first, or delete with force`,
    details: { wouldLose: losses },
  });
}

function describe({ path, branch, uncommitted, unpushed }: GitStatus): string {
  const parts = [
    ...(uncommitted > 0 ? [`${uncommitted} uncommitted ${uncommitted === 1 ? 'change' : 'changes'}`] : []),
    ...(unpushed ? [`${unpushed} unpushed ${unpushed === 1 ? 'commit' : 'commits'}`] : []),
  ];
  return `${parts.join(' and ')} in ${path}${branch === null ? '' : ` (${branch})`}`;
}
