import { type DestinationStream, pino } from 'pino';

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

/** Fields from the house's vocabulary; further ones are welcome where no word of it fits. */
export interface LogFields {
  environmentId?: string | undefined;
  workerId?: string | undefined;
  userId?: string | undefined;
  requestId?: string | undefined;
  attempt?: number | undefined;
  durationMs?: number | undefined;
  code?: string | number | undefined;
  err?: unknown;
  [field: string]: unknown;
}

type Write = (fieldsOrMessage: LogFields | string, message?: string) => void;

/**
 * Where a process tells what it does: JSON lines, `log.info({ environmentId }, 'environment started')`. The message is a
 * constant lower-case phrase, the data is in the fields.
 */
export interface Log {
  trace: Write;
  debug: Write;
  info: Write;
  warn: Write;
  error: Write;
  fatal: Write;
  /** A log that adds `fields` to each line. */
  child(fields: LogFields): Log;
}

/** Keys whose values never reach a log line, down to the third level. */
const secretKeys = ['token', 'secret', 'password', 'authorization', 'privateKey'];

/** Creates the log of the process `name`. Lines go to standard output unless `destination` is given. */
export function createLog(name: string, options: { level?: LogLevel; destination?: DestinationStream } = {}): Log {
  return pino(
    {
      level: options.level ?? 'info',
      base: { service: name },
      messageKey: 'message',
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secretKeys.flatMap((key) => [key, `*.${key}`, `*.*.${key}`]), censor: '[secret]' },
    },
    options.destination ?? pino.destination({ fd: 1, sync: true }),
  );
}

/** A log that keeps nothing. */
export const silentLog: Log = createLog('silent', { level: 'silent' });
