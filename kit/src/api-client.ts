/**
 * How a process of ours talks to the server's GraphQL API: requests over HTTP, changes over one WebSocket.
 *
 * A subscription lives until its caller closes it. If the server dies, refuses or completes it, it is dialled again with
 * full jitter, for ever; at each connection `onConnected` tells the caller to list again, because what changed in between
 * was told to nobody. Documents are strings, so that this file knows no schema.
 */
import { codeOfClose, ERRORS, type ErrorCode, isErrorCode } from '@easel/schema/errors';
import type { GraphQLFormattedError } from 'graphql';
import type { Line } from './api-line.ts';
import { type Backoff, fullJitter } from './backoff.ts';
import { type Clock, systemClock } from './clock.ts';
import type { Log } from './log.ts';

/** The server's own codes, and one for not having reached it at all. */
export type ApiErrorCode = ErrorCode | 'API_UNREACHABLE';

/** What the API answered instead of data. `retryable` says that the same call may succeed later, unchanged. */
export class ApiError extends Error {
  readonly code: ApiErrorCode;
  readonly details: Readonly<Record<string, unknown>>;
  /** HTTP status, or 0 when no answer came over HTTP. */
  readonly status: number;
  readonly retryable: boolean;

  constructor(fields: {
    code: ApiErrorCode;
    message: string;
    details?: Record<string, unknown>;
    status?: number;
    retryable?: boolean;
    cause?: unknown;
  }) {
    super(fields.message, fields.cause === undefined ? undefined : { cause: fields.cause });
    this.name = 'ApiError';
    this.code = fields.code;
    this.details = fields.details ?? {};
    this.status = fields.status ?? 0;
    this.retryable = fields.retryable ?? false;
  }
}

export interface ApiClientOptions {
  /** The server's address, without `/graphql`. */
  url: string;
  /** Asked for each request and each dial. */
  token: () => string | undefined;
  log?: Log;
  clock?: Clock;
  /** Ends all requests and subscriptions. */
  signal?: AbortSignal;
  backoff?: Backoff;
}

export interface SubscribeOptions<T> {
  onNext: (data: T) => void;
  /** Told of each failure; the subscription goes on by itself. */
  onError?: (err: ApiError) => void;
  /** At each connection, the first included: list everything again. */
  onConnected?: () => void;
  signal?: AbortSignal;
}

type SubscriptionVariables = Record<string, unknown> | (() => Record<string, unknown>) | undefined;

export interface ApiClient {
  /** Runs a query or mutation. Throws `ApiError`, or the signal's reason when that aborts. */
  query<T>(
    document: string,
    variables?: Record<string, unknown>,
    options?: { signal?: AbortSignal; timeoutMs?: number },
  ): Promise<T>;
  /** Variables given as a function are asked for at each subscription: a reader goes on where it was. */
  subscribe<T>(document: string, variables: SubscriptionVariables, options: SubscribeOptions<T>): { close(): void };
  /** Closes the WebSocket and all subscriptions. */
  close(): void;
}

const defaultTimeoutMs = 30_000;
const defaultBackoff: Backoff = { baseMs: 500, maxMs: 30_000 };
/** A subscription that lived this long without news was still a success: the next wait is short again. */
const usefulMs = 30_000;

/** What a status without a GraphQL body means. */
const codeOfStatus: Readonly<Record<number, ErrorCode>> = {
  400: 'INVALID_INPUT',
  401: 'UNAUTHENTICATED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  413: 'LIMIT_EXCEEDED',
  429: 'RATE_LIMITED',
  502: 'OVERLOADED',
  503: 'OVERLOADED',
  504: 'TIMED_OUT',
};

/** Creates a client. Nothing is dialled before the first call. */
export function createApiClient(options: ApiClientOptions): ApiClient {
  const { log, clock = systemClock, backoff = defaultBackoff } = options;
  const endpoint = `${options.url.replace(/\/+$/, '')}/graphql`;
  const closing = new AbortController();
  const ended = options.signal ? AbortSignal.any([options.signal, closing.signal]) : closing.signal;
  let opening: Promise<Line> | undefined;
  const openLine = () => {
    opening ??= import('./api-line.ts').then(({ createLine }) =>
      createLine({ url: endpoint.replace(/^http/, 'ws'), token: options.token, clock, backoff }),
    );
    return opening;
  };
  ended.addEventListener('abort', () => void opening?.then((line) => line.dispose()), { once: true });

  return {
    async query<T>(
      document: string,
      variables?: Record<string, unknown>,
      call: { signal?: AbortSignal; timeoutMs?: number } = {},
    ) {
      ended.throwIfAborted();
      const limit = new AbortController();
      const timeoutMs = call.timeoutMs ?? defaultTimeoutMs;
      const timer = clock.setTimeout(() => limit.abort(), timeoutMs);
      const signal = AbortSignal.any([ended, limit.signal, ...(call.signal ? [call.signal] : [])]);
      try {
        const token = options.token();
        const response = await fetch(endpoint, {
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            accept: 'application/graphql-response+json, application/json',
            ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          },
          body: JSON.stringify({ query: document, variables: variables ?? {} }),
          signal,
        });
        return readAnswer<T>(response, await response.text());
      } catch (err) {
        if (err instanceof ApiError) throw err;
        ended.throwIfAborted();
        call.signal?.throwIfAborted();
        if (limit.signal.aborted) {
          throw new ApiError({
            code: 'TIMED_OUT',
            message: `the API did not answer in ${timeoutMs} ms`,
            retryable: true,
            cause: err,
          });
        }
        throw unreachable(err);
      } finally {
        timer.cancel();
      }
    },

    subscribe<T>(document: string, variables: SubscriptionVariables, call: SubscribeOptions<T>) {
      const own = new AbortController();
      const signal = AbortSignal.any([ended, own.signal, ...(call.signal ? [call.signal] : [])]);
      void openLine().then((line) =>
        keepSubscribed<T>({ line, document, variables, call, signal, log, clock, backoff }),
      );
      return { close: () => own.abort() };
    },

    close: () => closing.abort(),
  };
}

interface Subscription<T> {
  line: Line;
  document: string;
  variables: SubscriptionVariables;
  call: SubscribeOptions<T>;
  signal: AbortSignal;
  log: Log | undefined;
  clock: Clock;
  backoff: Backoff;
}

async function keepSubscribed<T>(subscription: Subscription<T>): Promise<void> {
  const { line, call, signal, log, clock, backoff } = subscription;
  line.use(1);
  for (let attempt = 0; !signal.aborted; attempt++) {
    const outcome = await subscribeOnce(subscription);
    if (signal.aborted) break;
    if (outcome.wasUseful) attempt = 0;
    if (outcome.err) call.onError?.(outcome.err);
    log?.debug({ attempt, err: outcome.err }, 'subscription ended, subscribing again');
    await clock.sleep(fullJitter(backoff, attempt), signal).catch(() => undefined);
  }
  line.use(-1);
}

/** One life of a subscription: from its dial until the server or the line ends it. Never rejects. */
function subscribeOnce<T>(subscription: Subscription<T>): Promise<{ err?: ApiError; wasUseful: boolean }> {
  const { line, variables, call, signal, clock } = subscription;
  const startedMs = clock.now();
  return new Promise((resolve) => {
    let hasData = false;
    // After the turn in which the subscribe message goes out, so that a list asked for now is newer than the stream.
    const tellConnected = () => setImmediate(() => signal.aborted || call.onConnected?.());
    const unlisten = line.onConnected(tellConnected);
    if (line.isConnected) tellConnected();
    const end = (err?: ApiError) => {
      unlisten();
      signal.removeEventListener('abort', unsubscribe);
      resolve({ ...(err ? { err } : {}), wasUseful: hasData || clock.now() - startedMs > usefulMs });
    };
    const unsubscribe = line.client.subscribe<T>(
      { query: subscription.document, variables: (typeof variables === 'function' ? variables() : variables) ?? {} },
      {
        next: (result) => {
          if (signal.aborted) return;
          hasData = true;
          if (result.errors?.length) call.onError?.(fromGraphQL(result.errors, 0));
          if (result.data) call.onNext(result.data);
        },
        error: (err) => end(fromSocket(err)),
        complete: () => end(),
      },
    );
    signal.addEventListener('abort', unsubscribe, { once: true });
  });
}

function readAnswer<T>(response: Response, text: string): T {
  const answer = parseAnswer<T>(text);
  if (answer?.errors?.length) throw fromGraphQL(answer.errors, response.status);
  if (response.ok && answer?.data) return answer.data;
  const code = codeOfStatus[response.status] ?? 'INTERNAL';
  const retryAfterSeconds = Number(response.headers.get('retry-after'));
  throw new ApiError({
    code,
    message: `the API answered with HTTP ${response.status} where a GraphQL answer was expected`,
    details: retryAfterSeconds > 0 ? { retryAfterMs: retryAfterSeconds * 1000 } : {},
    status: response.status,
    retryable: response.status === 429 || response.status >= 500,
  });
}

function parseAnswer<T>(text: string): { data?: T | null; errors?: readonly GraphQLFormattedError[] } | undefined {
  try {
    return JSON.parse(text);
  } catch {
    // A proxy's page: the status says what there is to say.
    return undefined;
  }
}

function fromGraphQL(errors: readonly GraphQLFormattedError[], status: number): ApiError {
  const first = errors[0];
  const { code, details, retryable } = (first?.extensions ?? {}) as {
    code?: unknown;
    details?: Record<string, unknown>;
    retryable?: unknown;
  };
  const known = isErrorCode(code) ? code : undefined;
  return new ApiError({
    code: known ?? (status === 400 ? 'INVALID_INPUT' : 'INTERNAL'),
    message: errors.map((error) => error.message).join('; '),
    details: { ...details, ...(known ? {} : { serverCode: code }) },
    status,
    retryable: typeof retryable === 'boolean' ? retryable : known !== undefined && ERRORS[known].kind === 'trouble',
    cause: errors,
  });
}

/** What graphql-ws ends a subscription with: GraphQL errors, a close event, or an error of the socket. */
function fromSocket(err: unknown): ApiError {
  if (Array.isArray(err)) return fromGraphQL(err as GraphQLFormattedError[], 0);
  const { code: close, reason, message } = err as { code?: unknown; reason?: string; message?: string };
  const code = typeof close === 'number' ? codeOfClose(close) : null;
  if (code)
    return new ApiError({ code, message: reason || code, retryable: ERRORS[code].kind === 'trouble', cause: err });
  const refused = Number(/server response: (\d{3})/.exec(message ?? '')?.[1] ?? 0);
  const refusal = codeOfStatus[refused];
  if (refusal)
    return new ApiError({ code: refusal, message: message ?? refusal, status: refused, retryable: refused >= 429 });
  return unreachable(err);
}

function unreachable(err: unknown): ApiError {
  const { message, cause } = err as { message?: string; cause?: { code?: string; message?: string } };
  const why = cause?.code ?? cause?.message ?? message ?? 'the connection ended';
  return new ApiError({
    code: 'API_UNREACHABLE',
    message: `cannot reach the API: ${why}`,
    retryable: true,
    cause: err,
  });
}
