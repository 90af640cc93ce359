import type { ErrorCode } from '@easel/schema/errors';

/** Told of every refusal that becomes a member of a result: the schema is one for all servers of a process. */
export const refusalListeners = new Set<(code: ErrorCode) => void>();
