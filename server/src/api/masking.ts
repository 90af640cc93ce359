/** Errors as they leave the API: refusals and trouble as they are, bugs masked and logged under the request's id. */
import type { Log } from '@easel/kit/log';
import { AppError, ERRORS } from '@easel/schema/errors';
import { GraphQLError } from 'graphql';

export function presentError(error: GraphQLError, request: { requestId: string; log: Log }): GraphQLError {
  const cause = error.originalError;
  // What GraphQL itself says of a document or its variables.
  if (cause === undefined || cause === null || cause instanceof GraphQLError) return error;
  const place = { nodes: error.nodes ?? null, path: error.path ?? null };
  const { requestId, log } = request;
  if (cause instanceof AppError && ERRORS[cause.code].kind !== 'bug') {
    const { code, details, retryable } = cause;
    if (ERRORS[code].kind === 'trouble') log.warn({ requestId, code, err: cause }, 'request met trouble');
    return new GraphQLError(cause.message, { ...place, extensions: { code, details, retryable, requestId } });
  }
  log.error({ requestId, code: 'INTERNAL', err: cause, path: error.path?.join('.') }, 'request failed');
  return new GraphQLError(`internal error (request ${requestId})`, {
    ...place,
    extensions: { code: 'INTERNAL', requestId },
  });
}
