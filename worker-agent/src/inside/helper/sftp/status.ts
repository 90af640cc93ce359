/** How an operation ended, in the protocol's words. Source: draft-ietf-secsh-filexfer-02 §7. */
const codes = {
  OK: 0,
  EOF: 1,
  NO_SUCH_FILE: 2,
  PERMISSION_DENIED: 3,
  FAILURE: 4,
  BAD_MESSAGE: 5,
  OP_UNSUPPORTED: 8,
} as const;
export type StatusName = keyof typeof codes;

/** An operation that was not done, and why. */
export class Refusal extends Error {
  readonly status: StatusName;

  constructor(status: StatusName, message: string) {
    super(message);
    this.status = status;
  }
}

const ofErrno: Readonly<Record<string, StatusName>> = {
  ENOENT: 'NO_SUCH_FILE',
  ENOTDIR: 'NO_SUCH_FILE',
  EBADF: 'NO_SUCH_FILE',
  ELOOP: 'NO_SUCH_FILE',
  EPERM: 'PERMISSION_DENIED',
  EACCES: 'PERMISSION_DENIED',
  EFAULT: 'PERMISSION_DENIED',
  ENAMETOOLONG: 'BAD_MESSAGE',
  EINVAL: 'BAD_MESSAGE',
  ENOSYS: 'OP_UNSUPPORTED',
};
const sentences: Readonly<Record<string, string>> = {
  ENOENT: 'No such file',
  EACCES: 'Permission denied',
  EPERM: 'Operation not permitted',
  EEXIST: 'File exists',
  ENOTEMPTY: 'Directory not empty',
  EISDIR: 'Is a directory',
  ENOTDIR: 'Not a directory',
  ENOSPC: 'No space left on device',
  EDQUOT: 'Disk quota exceeded',
  EROFS: 'Read-only file system',
  EXDEV: 'Cross-device link',
  EMFILE: 'Too many open files',
  EFBIG: 'File too large',
};

/** Code and sentence for an error of the file system, a `Refusal`, or a bug. */
export function statusOf(err: unknown): { code: number; message: string } {
  if (err instanceof Refusal) return { code: codes[err.status], message: err.message };
  const { code = '', message } = err as NodeJS.ErrnoException;
  return { code: codes[ofErrno[code] ?? 'FAILURE'], message: sentences[code] ?? (code || message || 'Failure') };
}

export const success = { code: codes.OK, message: 'Success' } as const;
export const endOfFile = { code: codes.EOF, message: 'End of file' } as const;
