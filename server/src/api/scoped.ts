/**
 * What a token with scopes reaches. Fields whose verbs ask `may` are reached with whatever scope that takes; all others are
 * about one's own account, and so is every new one until it is named here.
 */
import SchemaBuilder, { BasePlugin, type PothosOutputFieldConfig, type SchemaTypes } from '@pothos/core';
import type { GraphQLFieldResolver } from 'graphql';
import { forbidden } from '../actor.ts';
import type { RequestContext } from '../context.ts';

const NAME = 'easelScoped';

declare global {
  // The way in which Pothos knows of its plugins.
  export namespace PothosSchemaTypes {
    export interface Plugins<Types extends SchemaTypes> {
      easelScoped: ScopedPlugin<Types>;
    }
  }
}

/** Fields whose verb decides by `may`, or that say nothing that needs deciding. */
const DECIDED: ReadonlySet<string> = new Set([
  ...[
    'apiTokenPolicy',
    'apiTokens',
    'auditEntries',
    'clientCredentials',
    'environment',
    'environmentLog',
    'environments',
  ],
  ...[
    'groups',
    'instanceTypes',
    'invitations',
    'me',
    'namespaces',
    'node',
    'platforms',
    'roles',
    'signInModules',
    'snapshots',
    'template',
  ],
  ...['templates', 'users', 'verifyAudit', 'explainAccess', 'mailStatus', 'webhookEvents', 'webhooks'],
  ...['createNamespace', 'renameNamespace', 'deleteNamespace'],
  ...['createGroup', 'updateGroup', 'deleteGroup', 'changeGroupMembers', 'createRole', 'updateRole', 'deleteRole'],
  ...['environmentChanged', 'environmentsChanged', 'platformChanged', 'platformsChanged'],
  ...['createApiToken', 'createClientCredential', 'createEnvironment', 'createInstanceType', 'createInvitation'],
  ...['createPlatform', 'createServiceAccount', 'createSignInModule', 'createTemplate', 'createTicket'],
  ...['deleteEnvironment', 'deleteInstanceType', 'deleteSignInModule', 'deleteSnapshot', 'deleteTemplate'],
  ...[
    'growEnvironmentDisk',
    'keepEnvironment',
    'moveSignInModule',
    'removePlatform',
    'resetUserPassword',
    'revokeApiToken',
  ],
  ...['revokeClientCredential', 'rotateApiToken', 'rotatePlatformToken', 'setApiTokenScopes', 'setPlatformDraining'],
  ...['setUserDisabled', 'setUserRoles', 'snapshotEnvironment', 'startEnvironment', 'stopEnvironment'],
  ...['createWebhook', 'updateWebhook', 'deleteWebhook', 'rotateWebhookSecret', 'testWebhook', 'redeliverWebhook'],
  ...['updateInstanceType', 'updatePlatformSettings', 'updateSignInModule', 'updateTemplate', 'withdrawInvitation'],
]);

type Resolver<Types extends SchemaTypes> = GraphQLFieldResolver<unknown, Types['Context'], object>;

class ScopedPlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  override wrapResolve(resolver: Resolver<Types>, { parentType, name }: PothosOutputFieldConfig<Types>) {
    const isRoot = parentType === 'Query' || parentType === 'Mutation';
    return isRoot ? reached(resolver, name) : resolver;
  }

  override wrapSubscribe(subscriber: Resolver<Types> | undefined, { name }: PothosOutputFieldConfig<Types>) {
    return subscriber && reached(subscriber, name);
  }
}

/** Throws FORBIDDEN for a token whose scopes do not reach the field. */
function reached<R extends (parent: unknown, args: object, context: never, info: never) => unknown>(
  resolver: R,
  field: string,
): R {
  if (DECIDED.has(field)) return resolver;
  const guarded = (parent: unknown, args: object, context: never, info: never) => {
    const { actor } = context as RequestContext;
    if (actor.kind === 'user' && actor.scopes && !actor.scopes.has('account')) {
      throw forbidden(`"${field}" takes a token with the scope "account": make one, or sign in`, { scope: 'account' });
    }
    return resolver(parent, args, context, info);
  };
  return guarded as R;
}

SchemaBuilder.registerPlugin(NAME, ScopedPlugin);
export default NAME;
