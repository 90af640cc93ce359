/** The one schema builder. Each domain's `.graphql.ts` adds its types and fields to it; `schema.ts` puts them together. */

import { AppError } from '@easel/schema/errors';
import { type IdKind, kindOf } from '@easel/schema/ids';
import SchemaBuilder from '@pothos/core';
import ComplexityPlugin from '@pothos/plugin-complexity';
import DataloaderPlugin from '@pothos/plugin-dataloader';
import ErrorsPlugin from '@pothos/plugin-errors';
import PrismaPlugin from '@pothos/plugin-prisma';
import RelayPlugin from '@pothos/plugin-relay';
import ScopeAuthPlugin from '@pothos/plugin-scope-auth';
import ValidationPlugin from '@pothos/plugin-validation';
import { type GraphQLField, getNullableType, isListType } from 'graphql';
import { DateTimeResolver, JSONResolver } from 'graphql-scalars';
import { forbidden, unauthenticated } from '../actor.ts';
import type { RequestContext } from '../context.ts';
import type PrismaTypes from '../generated/pothos-prisma-types.ts';
import { getDatamodel } from '../generated/pothos-prisma-types.ts';
import { Prisma } from '../generated/prisma/client.ts';
import { invalidInput } from '../parse-input.ts';
import AuditedPlugin from './audited.ts';
import { refusalListeners } from './refusal-listeners.ts';
import ScopedPlugin from './scoped.ts';

/** What one operation may ask for. A page of 100 environments, each with 60 fields and 50 events, costs about 40,000. */
const LIMITS = { depth: 12, breadth: 400, complexity: 50_000 };
/** A list without pages counts as this many. */
const USUAL_LIST = 10;
const USUAL_PAGE = 50;
const MAX_PAGE = 200;

/** Types with an id of their own, by the kind that the id's prefix names. */
const TYPE_OF_KIND: Partial<Record<IdKind, string>> = {
  environment: 'Environment',
  template: 'Template',
  user: 'User',
  sshKey: 'SshKey',
  apiToken: 'ApiToken',
  clientCredential: 'ClientCredential',
  platform: 'Platform',
  instanceType: 'InstanceType',
  snapshot: 'Snapshot',
  share: 'Share',
  invitation: 'Invitation',
  session: 'Session',
  signInModule: 'SignInModule',
  group: 'Group',
  role: 'Role',
  auditEntry: 'AuditEntry',
  notification: 'Notification',
  webhook: 'Webhook',
};

export const builder = new SchemaBuilder<{
  Context: RequestContext;
  PrismaTypes: PrismaTypes;
  DefaultFieldNullability: false;
  AuthScopes: { user: boolean; platform: boolean };
  Scalars: {
    DateTime: { Input: Date; Output: Date };
    JSON: { Input: unknown; Output: unknown };
    ID: { Input: string; Output: string };
  };
}>({
  // The first one is the outermost: refusals of all that follow become members of the result's union.
  plugins: [
    ErrorsPlugin,
    AuditedPlugin,
    ScopedPlugin,
    ScopeAuthPlugin,
    ValidationPlugin,
    ComplexityPlugin,
    RelayPlugin,
    PrismaPlugin,
    DataloaderPlugin,
  ],
  defaultFieldNullability: false,
  errors: {
    directResult: true,
    onResolvedError: (err) => {
      if (err instanceof AppError) for (const tell of refusalListeners) tell(err.code);
    },
    defaultUnionOptions: { name: ({ fieldName }) => `${fieldName[0]?.toUpperCase()}${fieldName.slice(1)}Result` },
  },
  scopeAuth: {
    authScopes: ({ actor }) => ({ user: actor.kind === 'user', platform: actor.kind === 'platform' }),
    unauthorizedError: (_parent, { actor }) =>
      actor.kind === 'anonymous' ? unauthenticated() : forbidden('this is not for you'),
    authorizeOnSubscribe: true,
  },
  validation: {
    validationError: (failure) =>
      invalidInput(
        failure.issues.map((issue) => ({
          path: (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.'),
          message: issue.message,
        })),
      ),
  },
  complexity: {
    limit: LIMITS,
    fieldComplexity: (args, _context, field) => ({ field: 1, multiplier: multiplierOf(args, field) }),
    complexityError: (kind, result) =>
      new AppError({
        code: 'LIMIT_EXCEEDED',
        message: `the operation asks for too much at once (${kind.toLowerCase()}): ask for fewer fields, or smaller pages`,
        details: { ...result },
      }),
  },
  // Ids go out as they are: the prefix says the type, and a script can use what it sees anywhere.
  relay: {
    encodeGlobalID: (_typename, id) => String(id),
    decodeGlobalID: (id) => ({ typename: TYPE_OF_KIND[kindOf(id) ?? 'event'] ?? 'Unknown', id }),
    nodeQueryOptions: {
      // The plugin looks a row up with a query that throws when there is none.
      resolve: async (_root, { id }, _context, _info, resolveNode) => {
        try {
          return await resolveNode(id);
        } catch (err) {
          if (err instanceof Prisma.PrismaClientKnownRequestError && err.code === 'P2025') return null;
          throw err;
        }
      },
    },
    nodesQueryOptions: false,
    cursorType: 'String',
  },
  prisma: {
    client: (context) => context.db,
    dmmf: getDatamodel(),
    filterConnectionTotalCount: true,
    maxConnectionSize: MAX_PAGE,
    defaultConnectionSize: USUAL_PAGE,
  },
});

/** How often what is selected below a field is read. */
function multiplierOf(args: Record<string, unknown>, field: GraphQLField<unknown, RequestContext>): number {
  // The connection above them has counted.
  if (field.name === 'edges') return 1;
  if (field.args.some((arg) => arg.name === 'first')) {
    const asked = args.first ?? args.last;
    return typeof asked === 'number' ? Math.min(Math.max(asked, 1), MAX_PAGE) : USUAL_PAGE;
  }
  return isListType(getNullableType(field.type)) ? USUAL_LIST : 1;
}

builder.queryType({});
builder.mutationType({});
builder.subscriptionType({});
builder.addScalarType('DateTime', DateTimeResolver);
builder.addScalarType('JSON', JSONResolver);
