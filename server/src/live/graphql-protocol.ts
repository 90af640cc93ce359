/**
 * The words of the `graphql-transport-ws` sub-protocol. Source: PROTOCOL.md of github.com/enisdenjo/graphql-ws.
 */
import { AppError } from '@easel/schema/errors';
import { z } from 'zod';

export const GRAPHQL_PROTOCOL = 'graphql-transport-ws';

/** Close codes that the protocol fixes; others of ours come from the table of error codes. */
export const CLOSE = {
  goingAway: 1001,
  /** Come again: the sign-in or its rights have changed. */
  restart: 1012,
  badRequest: 4400,
  unauthorized: 4401,
  initialisationTimeout: 4408,
  subscriberExists: 4409,
  tooManyInitialisations: 4429,
  internal: 4500,
} as const;

/** An operation's name on its socket: made by the client, told back in every message. */
const operationId = z.string().min(1).max(128);

const clientMessageSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('connection_init'), payload: z.record(z.string(), z.unknown()).nullish() }),
  z.object({ type: z.literal('ping'), payload: z.unknown().optional() }),
  z.object({ type: z.literal('pong'), payload: z.unknown().optional() }),
  z.object({
    type: z.literal('subscribe'),
    id: operationId,
    payload: z.object({
      query: z.string().min(1),
      operationName: z.string().nullish(),
      variables: z.record(z.string(), z.unknown()).nullish(),
      extensions: z.record(z.string(), z.unknown()).nullish(),
    }),
  }),
  z.object({ type: z.literal('complete'), id: operationId }),
]);
export type ClientMessage = z.infer<typeof clientMessageSchema>;

/** What a client asks to run. */
export interface OperationParams {
  query: string;
  operationName: string | null;
  variables: Record<string, unknown>;
}

/** Throws INVALID_INPUT. */
export function parseClientMessage(text: string): ClientMessage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new AppError({ code: 'INVALID_INPUT', message: 'a message is a JSON object', cause });
  }
  const parsed = clientMessageSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problem = parsed.error.issues[0];
  throw new AppError({
    code: 'INVALID_INPUT',
    message: `not a message of ${GRAPHQL_PROTOCOL}: ${problem?.path.join('.') || 'message'}: ${problem?.message}`.slice(
      0,
      120,
    ),
  });
}

/**
 * A `next` message in two parts: the first is the socket's own, the second is the same for all who get this result. The
 * braces of the whole are split between them.
 */
export function nextHead(id: string): Buffer {
  return Buffer.from(`{"id":${JSON.stringify(id)},"type":"next","payload":`);
}

export function nextTail(result: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(result)}}`);
}

export function errorMessage(id: string, errors: readonly unknown[]): string {
  return JSON.stringify({ id, type: 'error', payload: errors });
}
