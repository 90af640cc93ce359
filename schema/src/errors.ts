/**
 * The closed table of error codes, and one column per transport. Three kinds: a **refusal** is something the person can act
 * on and is part of the GraphQL result types; **trouble** is a neighbour that failed and is retried, then shown as a state;
 * a **bug** is ours: masked outside, logged inside.
 */
export type ErrorKind = 'refusal' | 'trouble' | 'bug';

type Row = {
  kind: ErrorKind;
  /** The type of the refusal in GraphQL; trouble and bugs are GraphQL errors with `extensions.code`. */
  graphql: string | null;
  http: number;
  /** WebSocket close code, in the private range 4000–4999 (RFC 6455 §7.4.2). */
  close: number;
  /** Exit code of the `easel` command: 1 refused or failed, 2 bad usage. */
  exit: 1 | 2;
};

const refusal = <Name extends string>(graphql: Name, http: number, close: number, exit: 1 | 2 = 1) =>
  ({ kind: 'refusal', graphql, http, close, exit }) as const;
const trouble = (http: number, close: number) => ({ kind: 'trouble', graphql: null, http, close, exit: 1 }) as const;

export const ERRORS = {
  INVALID_INPUT: refusal('InvalidInput', 400, 4400, 2),
  UNAUTHENTICATED: refusal('Unauthenticated', 401, 4401),
  FORBIDDEN: refusal('Forbidden', 403, 4403),
  /** Allowed, once the person has proved again who he is. */
  PROOF_NEEDED: refusal('ProofNeeded', 403, 4417),
  NOT_FOUND: refusal('NotFound', 404, 4404),
  NAME_TAKEN: refusal('NameTaken', 409, 4409),
  WRONG_STATE: refusal('WrongState', 409, 4410),
  QUOTA_EXCEEDED: refusal('QuotaExceeded', 409, 4411),
  LIMIT_EXCEEDED: refusal('LimitExceeded', 413, 4413),
  RATE_LIMITED: refusal('RateLimited', 429, 4429),
  TICKET_INVALID: refusal('TicketInvalid', 401, 4412),
  UNSUPPORTED_VERSION: refusal('UnsupportedVersion', 426, 4426),
  GENERATION_STALE: refusal('GenerationStale', 409, 4414),
  ENVIRONMENT_NOT_RUNNING: refusal('EnvironmentNotRunning', 409, 4415),
  PORT_CLOSED: refusal('PortClosed', 502, 4416),
  STORE_UNAVAILABLE: trouble(503, 4500),
  OBJECT_STORE_UNAVAILABLE: trouble(503, 4501),
  PLATFORM_UNAVAILABLE: trouble(503, 4502),
  WORKER_UNREACHABLE: trouble(503, 4503),
  OVERLOADED: trouble(503, 4504),
  TIMED_OUT: trouble(504, 4505),
  INTERNAL: { kind: 'bug', graphql: null, http: 500, close: 4599, exit: 1 },
} as const satisfies Record<string, Row>;

export type ErrorCode = keyof typeof ERRORS;
export type RefusalCode = { [C in ErrorCode]: (typeof ERRORS)[C]['kind'] extends 'refusal' ? C : never }[ErrorCode];

export function isErrorCode(text: unknown): text is ErrorCode {
  return typeof text === 'string' && Object.hasOwn(ERRORS, text);
}

/** The code that a WebSocket close code stands for, or null. */
export function codeOfClose(close: number): ErrorCode | null {
  return (Object.keys(ERRORS) as ErrorCode[]).find((code) => ERRORS[code].close === close) ?? null;
}

/**
 * The one error class. `message` says what was expected, what came and what to do; `details` are safe to show to the person
 * who caused it; `cause` is for the log alone.
 */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;
  readonly retryable: boolean;

  constructor(fields: {
    code: ErrorCode;
    message: string;
    details?: Record<string, unknown>;
    cause?: unknown;
    retryable?: boolean;
  }) {
    super(fields.message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.name = 'AppError';
    this.code = fields.code;
    this.details = fields.details ?? {};
    this.retryable = fields.retryable ?? ERRORS[fields.code].kind === 'trouble';
  }
}
