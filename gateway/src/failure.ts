/** How a command fails: what it says on the standard error, and its exit code. */
import { ERRORS, type ErrorCode, isErrorCode } from '@easel/schema/errors';
import { Interrupted } from './io.ts';

/** Codes of the command itself, beside those of `@easel/schema/errors`. */
export type OwnCode =
  | 'API_UNREACHABLE'
  | 'AUDIT_BROKEN'
  | 'ENVIRONMENT_FAILED'
  | 'SNAPSHOT_FAILED'
  | 'WEBHOOK_NOT_TAKEN'
  | 'OVERTAKEN'
  | 'PORT_TAKEN'
  | 'NO_IDE_PORT'
  | 'NOT_SIGNED_IN'
  | 'NOT_INSTALLED'
  | 'INTERRUPTED';

/** A refusal of the command's own. `message` says what was expected, what came and what to do. */
export class CommandError extends Error {
  readonly code: ErrorCode | OwnCode;
  readonly details: Readonly<Record<string, unknown>>;
  /** The same may succeed later: its cause says so. */
  readonly retryable: boolean;

  constructor(code: ErrorCode | OwnCode, message: string, details: Record<string, unknown> = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'CommandError';
    this.code = code;
    this.details = details;
    this.retryable = (cause as { retryable?: unknown } | undefined)?.retryable === true;
  }
}

/** The command was not called as it should be: exit code 2. */
export function badUsage(message: string, cause?: unknown): CommandError {
  return new CommandError('INVALID_INPUT', message, {}, cause);
}

export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly details: Readonly<Record<string, unknown>>;
  /** 1 refused or failed, 2 bad usage, 130 or 143 ended by Ctrl-C or SIGTERM (128 + the signal's number). */
  readonly exit: number;
}

/** What anything that was thrown means to the person who typed the command. */
export function describeFailure(err: unknown): Failure {
  if (err instanceof Interrupted) {
    const exit = err.signal === 'SIGINT' ? 130 : 143;
    return { code: 'INTERRUPTED', message: err.message, details: {}, exit };
  }
  const { name, code, message, details } = err as {
    name?: string;
    code?: unknown;
    message?: string;
    details?: Record<string, unknown>;
  };
  if (name === 'CommanderError')
    return { code: 'INVALID_INPUT', message: usageProblem(message ?? '', code), details: {}, exit: 2 };
  if (name === 'ConfigError') return { code: 'INVALID_INPUT', message: message ?? '', details: {}, exit: 2 };
  return {
    code: typeof code === 'string' ? code : 'INTERNAL',
    message: message || String(err),
    details: details ?? {},
    exit: isErrorCode(code) ? ERRORS[code].exit : 1,
  };
}

function usageProblem(message: string, code: unknown): string {
  const text = message.replace(/^error: /, '').replaceAll('\n', ' ');
  return code === 'commander.unknownOption' ? `${text} (words of a remote command stand after "--")` : text;
}
