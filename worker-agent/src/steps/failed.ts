import { type Failure, failure } from '@easel/schema/failure';

/** A step cannot reach its goal. Carries what the person gets to read; `cause` is for the log alone. */
export class Failed extends Error {
  readonly failure: Failure;

  constructor(fields: Parameters<typeof failure>[0], cause?: unknown) {
    super(fields.message, cause === undefined ? undefined : { cause });
    this.name = 'Failed';
    this.failure = failure(fields);
  }
}

const DISK_FULL_CODES = new Set(['ENOSPC', 'EDQUOT']);

/** Whether an error, or what caused it, says that there is no room on the disk. */
export function isDiskFull(err: unknown): boolean {
  for (let at: unknown = err, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    if (DISK_FULL_CODES.has((at as NodeJS.ErrnoException).code ?? '')) return true;
    if (/no space left on device|disk quota exceeded/i.test(at.message)) return true;
  }
  return false;
}

/** The failure that an error stands for. Only a `Failed` says what it says to the person; anything else is ours to correct. */
export function failureOf(err: unknown): Failure {
  if (err instanceof Failed) return err.failure;
  if (isDiskFull(err)) return failure({ class: 'disk_full', message: 'The disk of the environment is full.' });
  const code = (err as NodeJS.ErrnoException | null)?.code;
  return failure({
    class: 'internal',
    message: `The worker came upon an error of its own${code ? ` (${code})` : ''}.`,
  });
}
