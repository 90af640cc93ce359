/**
 * The GraphQL engine: one for HTTP and for sockets, which take it by `getEnveloped`, so that every limit holds on both.
 * Documents that were parsed and validated once are kept (graphql-yoga's cache).
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log } from '@easel/kit/log';
import type { Metrics } from '@easel/kit/metrics';
import { AppError, ERRORS } from '@easel/schema/errors';
import { EnvelopArmorPlugin } from '@escape.tech/graphql-armor';
import { useCSRFPrevention } from '@graphql-yoga/plugin-csrf-prevention';
import { type GraphQLError, NoSchemaIntrospectionCustomRule, type ValidationContext } from 'graphql';
import { createYoga, type Plugin } from 'graphql-yoga';
import type { Actor } from '../actor.ts';
import { presentError } from '../api/masking.ts';
import { schema } from '../api/schema.ts';
import type { RequestContext } from '../context.ts';
import type { GetEnveloped } from '../live/operations.ts';
import { answerJson, setRetryAfter } from './answer.ts';
import { limitDocuments } from './document-limits.ts';
import { operationMetrics } from './operation-metrics.ts';

/** What one document may hold; what it may cost when it runs is the schema's own limit (api/builder.ts). */
const LIMITS = { depth: 12, aliases: 30, directives: 30, tokens: 2000 };
const DOCUMENT_LIMITS = { length: 65_536, operations: 20, fragments: 40, variables: 60, sameName: 15 };
/** A document of 2,000 tokens with its variables is far smaller. */
export const MAX_BODY_BYTES = 524_288;

/** A rule that is broken is one of the problems of a document; it does not end the validation with an exception. */
const REPORTED = {
  propagateOnRejection: false,
  onReject: [(context: ValidationContext | null, error: GraphQLError) => context?.reportError(error)],
};

/** What a request brings along; everything else of its context is the same for all. */
export interface Initial {
  actor: Actor;
  address: string | null;
  requestId: string;
  renewSession?: () => Promise<void>;
}

export interface GraphqlEngine {
  /** Answers a request whose actor is known. */
  handle(request: IncomingMessage, response: ServerResponse, initial: Initial): void;
  getEnveloped: GetEnveloped;
}

export function createGraphqlEngine(parts: {
  context: Omit<RequestContext, keyof Initial>;
  hasIntrospection: boolean;
  metrics: Metrics;
}): GraphqlEngine {
  const { context, hasIntrospection, metrics } = parts;
  const yoga = createYoga<Initial>({
    schema,
    context: ({ actor, address, requestId, renewSession }) => ({
      ...context,
      actor,
      address,
      requestId,
      ...(renewSession ? { renewSession } : {}),
    }),
    graphqlEndpoint: '/graphql',
    landingPage: false,
    graphiql: false,
    // Browsers of our own origin alone; the command and the schedulers are no browsers.
    cors: false,
    batching: false,
    multipart: false,
    logging: false,
    // What goes wrong outside of an operation; inside, `presentErrors` says more.
    maskedErrors: { errorMessage: 'internal error' },
    plugins: [
      EnvelopArmorPlugin({
        maxDepth: { n: LIMITS.depth, ignoreIntrospection: true, flattenFragments: true, ...REPORTED },
        maxAliases: { n: LIMITS.aliases, ...REPORTED },
        maxDirectives: { n: LIMITS.directives, ...REPORTED },
        maxTokens: { n: LIMITS.tokens },
        costLimit: { enabled: false },
        blockFieldSuggestion: { enabled: !hasIntrospection },
      }) as unknown as Plugin<Initial>,
      limitDocuments(DOCUMENT_LIMITS),
      useCSRFPrevention() as unknown as Plugin<Initial>,
      presentErrors(),
      // After it, so that it sees the errors as they are presented.
      operationMetrics(metrics),
      ...(hasIntrospection ? [] : [withoutIntrospection()]),
    ],
  });
  return {
    handle(request, response, initial) {
      void yoga.handle(request, response, initial);
    },
    getEnveloped: (initial) => yoga.getEnveloped(initial as never) as unknown as ReturnType<GetEnveloped>,
  };
}

/** Presents the errors of every execution, with the request that it belongs to. */
function presentErrors(): Plugin<Initial> {
  return {
    onExecute({ args }) {
      const request = args.contextValue as unknown as RequestContext;
      return {
        onExecuteDone({ result, setResult }) {
          if (!('errors' in result) || !result.errors) return;
          setResult({ ...result, errors: result.errors.map((error: GraphQLError) => presentError(error, request)) });
        },
      };
    },
  };
}

function withoutIntrospection(): Plugin<Initial> {
  return {
    onValidate({ addValidationRule }) {
      addValidationRule(NoSchemaIntrospectionCustomRule);
    },
  };
}

/** A refusal before any operation, in GraphQL's own form, so that clients read it like all others. */
export function answerGraphqlError(response: ServerResponse, err: unknown, log: Log, requestId: string): void {
  const isKnown = err instanceof AppError && ERRORS[err.code].kind !== 'bug';
  if (!isKnown) log.error({ requestId, err }, 'request failed');
  const { code, message, details } = isKnown
    ? err
    : { code: 'INTERNAL' as const, message: 'internal error', details: {} };
  setRetryAfter(response, details);
  answerJson(response, ERRORS[code].http, { errors: [{ message, extensions: { code, details, requestId } }] });
}
