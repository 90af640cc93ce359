/** Versions of the worker protocol. A server speaks every version of the range, so that old workers survive its upgrade. */
export const WORKER_PROTOCOL = { oldest: 1, newest: 1 } as const;

/** The newest version that both sides speak, or null. */
export function negotiate(theirs: { oldest: number; newest: number }): number | null {
  const version = Math.min(theirs.newest, WORKER_PROTOCOL.newest);
  return version >= Math.max(theirs.oldest, WORKER_PROTOCOL.oldest) ? version : null;
}
