import type { FailureCode } from '../messages.ts';

/** What a request is answered with when it cannot be done. */
export class Refusal extends Error {
  readonly code: FailureCode;

  constructor(code: FailureCode, message: string) {
    super(message);
    this.code = code;
  }
}

const codes: Readonly<Record<string, FailureCode>> = {
  ENOENT: 'NOT_FOUND',
  ENOTDIR: 'NOT_FOUND',
  EACCES: 'FORBIDDEN',
  EPERM: 'FORBIDDEN',
  ENOEXEC: 'FORBIDDEN',
  EMFILE: 'LIMIT_EXCEEDED',
  ENFILE: 'LIMIT_EXCEEDED',
  EAGAIN: 'LIMIT_EXCEEDED',
  ENOMEM: 'LIMIT_EXCEEDED',
};

export function refusalOf(err: unknown): Refusal {
  if (err instanceof Refusal) return err;
  const { code, message } = err as NodeJS.ErrnoException;
  return new Refusal(codes[code ?? ''] ?? 'INTERNAL', (message ?? String(err)).slice(0, 1000));
}
