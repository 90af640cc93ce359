/**
 * Runs GraphQL operations that came over a socket. Documents go through the same parser, validation rules and executor as
 * over HTTP (`getEnveloped` is the one of the HTTP server), and every event of a subscription is executed with a context of
 * its own, so that no loader's cache outlives the rows that it read.
 */
import { AppError, ERRORS, isErrorCode } from '@easel/schema/errors';
import {
  createSourceEventStream,
  type DocumentNode,
  type ExecutionArgs,
  type ExecutionResult,
  execute,
  type FormattedExecutionResult,
  GraphQLError,
  type GraphQLFormattedError,
  type GraphQLSchema,
  getOperationAST,
  Kind,
} from 'graphql';
import { nextTail, type OperationParams } from './graphql-protocol.ts';
import type { OpenSource, SharedResult } from './shared-subscription.ts';

/** What an HTTP server's plugins make of the engine; graphql-yoga's `getEnveloped` gives it. */
export interface Enveloped {
  schema: GraphQLSchema;
  parse(source: string): DocumentNode;
  validate(schema: GraphQLSchema, document: DocumentNode): readonly unknown[];
  execute(args: ExecutionArgs): ExecutionResult | PromiseLike<ExecutionResult>;
  contextFactory(): unknown;
}

/** Gives the engine and a fresh context for one execution on behalf of the viewer behind `initial`. */
export type GetEnveloped = (initial: Record<string, unknown>) => Enveloped;

export interface Operations {
  /** Checks what a client asks to run. Throws `RefusedOperation`. */
  prepare(params: OperationParams, viewer: Viewer): Prepared;
}

/** Who asks, as `authenticate` found out. */
export interface Viewer {
  /** Names the session or token, to ask whether it is still good. */
  credentialId: string;
  /**
   * Everything that may change what this viewer sees (user, roles, grants, locale): two viewers with the same key get
   * the same bytes. Null shares nothing.
   */
  scopeKey: string | null;
  /** Given to `getEnveloped` for each execution. */
  initialContext: Record<string, unknown>;
}

export type Prepared =
  /** `run` gives the second part of a `next` message. */
  | { kind: 'single'; run(): Promise<Buffer> }
  | { kind: 'stream'; open: OpenSource }
  | { kind: 'shared'; key: string; open: OpenSource };

/** The `errors` of an `error` message: the operation was not run. */
export class RefusedOperation extends Error {
  readonly errors: readonly GraphQLFormattedError[];

  constructor(errors: readonly GraphQLFormattedError[]) {
    super(errors[0]?.message ?? 'refused');
    this.name = 'RefusedOperation';
    this.errors = errors;
  }
}

export interface OperationsOptions {
  getEnveloped: GetEnveloped;
  /** Told of failures that are bugs; the client gets a masked one. */
  onBug(err: unknown): void;
}

export function createOperations({ getEnveloped, onBug }: OperationsOptions): Operations {
  /** Errors as the client may see them. */
  const format = (errors: readonly unknown[]) => errors.map((err) => formatError(err, onBug));

  return {
    prepare(params, viewer) {
      const enveloped = getEnveloped({ ...viewer.initialContext, params });
      const document = parseAndValidate(enveloped, params.query, format);
      const operation = getOperationAST(document, params.operationName);
      if (!operation) {
        throw new RefusedOperation(format([new GraphQLError('the document has no operation of that name')]));
      }
      const args = async (): Promise<ExecutionArgs & { enveloped: Enveloped }> => {
        const fresh = getEnveloped({ ...viewer.initialContext, params });
        return {
          enveloped: fresh,
          schema: fresh.schema,
          document,
          contextValue: await fresh.contextFactory(),
          variableValues: params.variables,
          operationName: params.operationName,
        };
      };
      if (operation.operation !== 'subscription') {
        const run = async () => {
          const { enveloped: fresh, ...rest } = await args();
          return serialise(await fresh.execute(rest), format);
        };
        return { kind: 'single', run };
      }
      // The engine's own `execute`: that of the plugins would subscribe again for each event.
      const executeEvent = async (event: unknown) => {
        const { enveloped: _, ...rest } = await args();
        return serialise(await execute({ ...rest, rootValue: event }), format);
      };
      const open: OpenSource = () => openSource({ args, executeEvent, format });
      const field =
        operation.selectionSet.selections.find((selection) => selection.kind === Kind.FIELD)?.name.value ?? '';
      const isShared = enveloped.schema.getSubscriptionType()?.getFields()[field]?.extensions.shared === true;
      if (!isShared || viewer.scopeKey === null) return { kind: 'stream', open };
      const key = JSON.stringify([viewer.scopeKey, params.operationName, params.query, sorted(params.variables)]);
      return { kind: 'shared', key, open };
    },
  };
}

function parseAndValidate(
  enveloped: Enveloped,
  query: string,
  format: (errors: readonly unknown[]) => GraphQLFormattedError[],
): DocumentNode {
  let document: DocumentNode;
  try {
    document = enveloped.parse(query);
  } catch (err) {
    throw new RefusedOperation(format([err]));
  }
  const problems = enveloped.validate(enveloped.schema, document);
  if (problems.length > 0) throw new RefusedOperation(format(problems));
  return document;
}

/** The source's events, each executed. Nothing is awaited ahead: an event is taken when the one before is done. */
function openSource(parts: {
  args: () => Promise<ExecutionArgs & { enveloped: Enveloped }>;
  executeEvent: (event: unknown) => Promise<Buffer>;
  format: (errors: readonly unknown[]) => GraphQLFormattedError[];
}): AsyncIterator<SharedResult, undefined> {
  let events: AsyncIterator<unknown> | undefined;
  let hasEnded = false;
  const end = async (): Promise<IteratorResult<SharedResult, undefined>> => {
    hasEnded = true;
    await events?.return?.();
    return { done: true, value: undefined };
  };
  const failed = (errors: readonly unknown[]): IteratorResult<SharedResult, undefined> => {
    hasEnded = true;
    return { done: false, value: { kind: 'error', errors: parts.format(errors) } };
  };
  return {
    async next() {
      if (hasEnded) return { done: true, value: undefined };
      try {
        if (!events) {
          const { enveloped: _, ...args } = await parts.args();
          const stream = await createSourceEventStream(args);
          if (!(Symbol.asyncIterator in stream)) return failed(stream.errors ?? []);
          events = stream[Symbol.asyncIterator]();
          if (hasEnded) return end();
        }
        const event = await events.next();
        if (event.done || hasEnded) return end();
        return { done: false, value: { kind: 'next', tail: await parts.executeEvent(event.value) } };
      } catch (err) {
        void events?.return?.();
        return failed([err]);
      }
    },
    return: end,
  };
}

function serialise(result: ExecutionResult, format: (errors: readonly unknown[]) => GraphQLFormattedError[]): Buffer {
  const formatted: FormattedExecutionResult =
    result.errors === undefined
      ? { data: result.data ?? null }
      : { ...(result.data === undefined ? {} : { data: result.data }), errors: format(result.errors) };
  return nextTail(formatted);
}

/** Refusals and trouble are told as they are, what GraphQL itself says too; a bug is masked and reported. */
function formatError(err: unknown, onBug: (err: unknown) => void): GraphQLFormattedError {
  const error = err instanceof GraphQLError ? err : undefined;
  const cause = error ? error.originalError : err;
  if (error && (cause === undefined || cause === null || cause instanceof GraphQLError)) return error.toJSON();
  const place = { ...(error?.path ? { path: error.path } : {}) };
  if (cause instanceof AppError && ERRORS[cause.code].kind !== 'bug') {
    const { code, details, retryable } = cause;
    return { message: cause.message, ...place, extensions: { code, details, retryable } };
  }
  // The HTTP server's own masking has been here already, and has reported it.
  if (error && isErrorCode(error.extensions.code)) return error.toJSON();
  onBug(cause);
  return { message: 'internal error', ...place, extensions: { code: 'INTERNAL' } };
}

/** The same variables in another order are the same; an empty list is not an empty object. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return ['list', ...value.map(sorted)];
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return ['object', ...entries.map(([name, inner]) => [name, sorted(inner)])];
}
