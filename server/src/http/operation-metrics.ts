import type { Metrics } from '@easel/kit/metrics';
import { isErrorCode } from '@easel/schema/errors';
import { type GraphQLError, getOperationAST } from 'graphql';
import type { Plugin } from 'graphql-yoga';
import { refusalListeners } from '../api/refusal-listeners.ts';

/** From a cached answer to one that waits for the database. */
const BUCKETS = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/** Counts operations, their time, and every code that they are refused or fail with. */
export function operationMetrics<Context extends Record<string, unknown>>(metrics: Metrics): Plugin<Context> {
  const durations = metrics.histogram('easel_graphql_operation_seconds', 'Time of an operation', ['kind'], BUCKETS);
  const errors = metrics.counter('easel_graphql_errors_total', 'Operations that failed, by code', ['code']);
  const refusals = metrics.counter('easel_refusals_total', 'What was refused, by code', ['code']);
  refusalListeners.add((code) => refusals.inc({ code }));
  return {
    onExecute({ args }) {
      const startedMs = performance.now();
      const kind = getOperationAST(args.document, args.operationName)?.operation ?? 'query';
      return {
        onExecuteDone({ result }) {
          durations.observe({ kind }, (performance.now() - startedMs) / 1000);
          for (const error of 'errors' in result ? (result.errors ?? []) : []) errors.inc({ code: codeOf(error) });
        },
      };
    },
  };
}

/** A closed set of labels: what GraphQL itself complains of is the client's input. */
function codeOf(error: GraphQLError): string {
  const { code } = error.extensions;
  return isErrorCode(code) ? code : 'INVALID_INPUT';
}
