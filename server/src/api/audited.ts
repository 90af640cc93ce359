/** Every mutation of a user leaves an entry in the audit log: one plugin, so that a new one cannot forget it. */
import SchemaBuilder, { BasePlugin, type PothosOutputFieldConfig, type SchemaTypes } from '@pothos/core';
import type { GraphQLFieldResolver } from 'graphql';
import type { RequestContext } from '../context.ts';

const NAME = 'easelAudited';

declare global {
  // The way in which Pothos knows of its plugins.
  export namespace PothosSchemaTypes {
    export interface Plugins<Types extends SchemaTypes> {
      easelAudited: AuditedPlugin<Types>;
    }
  }
}

class AuditedPlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  override wrapResolve(
    resolver: GraphQLFieldResolver<unknown, Types['Context'], object>,
    { parentType, name }: PothosOutputFieldConfig<Types>,
  ): GraphQLFieldResolver<unknown, Types['Context'], object> {
    if (parentType !== 'Mutation') return resolver;
    return (parent, args, context, info) => {
      const { actor, services, address, requestId } = context as unknown as RequestContext;
      // Schedulers and jumps work by mutations all the time; nobody changes nothing. What jumps let in is told by ssh-access.
      if (actor.kind !== 'user') return resolver(parent, args, context, info);
      const given = args as Record<string, unknown>;
      const act = { action: name, actor, from: { address, requestId }, ...thingOf(given), args: given };
      return services.audit.during(act, async () => resolver(parent, args, context, info));
    };
  }
}

/** What an input says of the thing that it is about. */
function thingOf({ id, input }: Record<string, unknown>): { thingId?: string; thingName?: string } {
  const inner = (typeof input === 'object' && input !== null ? input : {}) as Record<string, unknown>;
  const thing = id ?? inner.id ?? inner.environment;
  return {
    ...(typeof thing === 'string' ? { thingId: thing.slice(0, 200) } : {}),
    ...(typeof inner.name === 'string' ? { thingName: inner.name } : {}),
  };
}

SchemaBuilder.registerPlugin(NAME, AuditedPlugin);
export default NAME;
