/** The API as a command uses it: typed operations, refusals as errors, all pages of a list, a subscription as a callback. */
import { type ApiClient, ApiError, createApiClient } from '@easel/kit/api-client';
import { type Backoff, retry } from '@easel/kit/backoff';
import type { Clock } from '@easel/kit/clock';
import { AppError, isErrorCode } from '@easel/schema/errors';
import { z } from 'zod';
import type { Connection } from '../connection.ts';
import { CommandError } from '../failure.ts';
import type { Operation, Page } from './operation.ts';

type Variables = Record<string, unknown>;

export interface Api {
  readonly url: string;
  /** A query, or a mutation. Throws `AppError` for a refusal and `CommandError` for all else. */
  ask<T>(operation: Operation<T>, variables?: Variables, options?: AskOptions): Promise<T>;
  /** Every item of a connection; `operation` takes `$first` and `$after`. */
  all<T>(operation: Operation<Page<T>>, variables?: Variables): Promise<T[]>;
  /** Tells of each answer until closed; `variables` are asked for at each connection. */
  subscribe<T>(operation: Operation<T>, variables: () => Variables, options: SubscribeOptions<T>): { close(): void };
  close(): void;
}

export interface AskOptions {
  /** Doing it twice is doing it once: it is tried again when the API cannot be reached. */
  isRepeatable?: boolean;
}

export interface SubscribeOptions<T> {
  onNext: (answer: T) => void;
  /** Ended for good: what was asked for is refused. */
  onRefused: (err: unknown) => void;
  /** The line is cut; it is dialled again by itself. */
  onTrouble?: (err: unknown) => void;
}

/** At most so many items a page: below the limit that the API sets on a page. */
const PAGE_ITEMS = 50;
/** A subscription is dialled again at least so often, since a person is watching. */
const BACKOFF: Backoff = { baseMs: 250, maxMs: 5_000 };
const REPEATS = 5;

const refusalSchema = z.object({
  code: z.string(),
  message: z.string(),
  details: z.record(z.string(), z.unknown()).catch({}),
});

export function openApi(connection: Connection, options: { signal: AbortSignal; clock?: Clock }): Api {
  const { url, token } = connection;
  const client = createApiClient({ url, token: () => token, backoff: BACKOFF, ...options });
  const ask: Api['ask'] = (operation, variables, { isRepeatable = false } = {}) =>
    retry(async () => readResult(operation, await client.query<{ result: unknown }>(operation.document, variables)), {
      attempts: isRepeatable ? REPEATS : 1,
      signal: options.signal,
      isRetryable: (err) => err instanceof ApiError && err.retryable,
    }).catch((err) => {
      throw explain(err, url);
    });
  return {
    url,
    ask,
    async all<T>(operation: Operation<Page<T>>, variables?: Variables) {
      const items: T[] = [];
      let after: string | null = null;
      do {
        const answer: Page<T> = await ask(operation, { ...variables, first: PAGE_ITEMS, after });
        items.push(...answer.items);
        after = answer.pageInfo.hasNextPage ? answer.pageInfo.endCursor : null;
      } while (after !== null);
      return items;
    },
    subscribe: (operation, variables, handlers) => subscribe({ client, url }, operation, variables, handlers),
    close: () => client.close(),
  };
}

function subscribe<T>(
  { client, url }: { client: ApiClient; url: string },
  operation: Operation<T>,
  variables: () => Variables,
  handlers: SubscribeOptions<T>,
): { close(): void } {
  const subscription = client.subscribe<{ result: unknown }>(operation.document, variables, {
    onNext: (data) => {
      let answer: T;
      try {
        answer = readResult(operation, data);
      } catch (err) {
        end(err);
        return;
      }
      handlers.onNext(answer);
    },
    onError: (err) => (err.retryable ? handlers.onTrouble?.(explain(err, url)) : end(explain(err, url))),
  });
  const end = (err: unknown) => {
    subscription.close();
    handlers.onRefused(err);
  };
  return subscription;
}

function readResult<T>(operation: Operation<T>, data: { result: unknown }): T {
  const refusal = refusalSchema.safeParse(data.result);
  if (refusal.success) {
    const { code, message, details } = refusal.data;
    throw new AppError({ code: isErrorCode(code) ? code : 'INTERNAL', message, details });
  }
  const parsed = operation.result.safeParse(data.result);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const what = `${issue?.path.join('.') || 'result'}: ${issue?.message}`;
  throw new CommandError(
    'UNSUPPORTED_VERSION',
    `the API answered in a shape that this version does not know (${what})`,
  );
}

/** An error of the client, with what the person can do about it. */
function explain(err: unknown, url: string): unknown {
  if (!(err instanceof ApiError)) return err;
  if (err.code === 'UNAUTHENTICATED')
    return new CommandError(
      'UNAUTHENTICATED',
      `${url} does not accept the token: run \`easel sign-in ${url}\` again`,
      {},
      err,
    );
  if (err.code === 'API_UNREACHABLE')
    return new CommandError(
      'API_UNREACHABLE',
      `${err.message.replace('the API', url)}; is Easel running there?`,
      {},
      err,
    );
  return err;
}
