/**
 * What leaves an entry in the audit log: every mutation of a user, and every refusal of anything else. One plugin, so that a
 * new field cannot forget it.
 */
import { AppError } from '@easel/schema/errors';
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
    config: PothosOutputFieldConfig<Types>,
  ): GraphQLFieldResolver<unknown, Types['Context'], object> {
    const { parentType, name } = config;
    if (parentType !== 'Mutation') return this.#watched(resolver, config);
    return (parent, args, context, info) => {
      const { actor, services, address, requestId } = context as unknown as RequestContext;
      // Schedulers and jumps work by mutations all the time; nobody changes nothing. What jumps let in is told by ssh-access.
      if (actor.kind !== 'user') return resolver(parent, args, context, info);
      const given = args as Record<string, unknown>;
      const act = { action: name, actor, from: { address, requestId }, ...thingOf(given), args: given };
      return services.audit.during(act, async () => resolver(parent, args, context, info));
    };
  }

  override wrapSubscribe(
    subscriber: GraphQLFieldResolver<unknown, Types['Context'], object> | undefined,
    { name }: PothosOutputFieldConfig<Types>,
  ): GraphQLFieldResolver<unknown, Types['Context'], object> | undefined {
    return subscriber && watch(subscriber as Work, name, true);
  }

  /** Only fields that can be refused are watched: the rest is most of what is read. */
  #watched(
    resolver: GraphQLFieldResolver<unknown, Types['Context'], object>,
    { parentType, name, pothosOptions }: PothosOutputFieldConfig<Types>,
  ): GraphQLFieldResolver<unknown, Types['Context'], object> {
    const isRoot = parentType === 'Query' || parentType === 'Subscription';
    const isGuarded =
      'authScopes' in pothosOptions || 'authScopes' in this.buildCache.getTypeConfig(parentType).pothosOptions;
    if (!isRoot && !isGuarded) return resolver;
    return watch(resolver as Work, isRoot ? name : `${parentType}.${name}`, isRoot);
  }
}

/** The wrapped function of a field: its resolver, or what a subscription begins with. */
type Work = GraphQLFieldResolver<unknown, object, object>;

/** Passes everything on, and tells of refusals. Nothing is awaited where all is well. */
function watch(work: Work, action: string, isRoot: boolean): Work {
  return (parent, args, context, info) => {
    const refused = (err: unknown) => tell(err, { action, parent, args, context: context as RequestContext });
    try {
      const result: unknown = work(parent, args, context, info);
      if (!(result instanceof Promise)) return result;
      return result.then(
        (value: unknown) => {
          if (isRoot && value === null) refused(null);
          return value;
        },
        (err: unknown) => {
          refused(err);
          throw err;
        },
      );
    } catch (err) {
      refused(err);
      throw err;
    }
  };
}

/** `err` is null for an answer that says that there is nothing: it may be hidden from who asks. */
function tell(
  err: unknown,
  { action, parent, args, context }: { action: string; parent: unknown; args: object; context: RequestContext },
): void {
  const { actor, services, address, requestId } = context;
  if (actor.kind === 'anonymous') return;
  const given = args as Record<string, unknown>;
  const id = (parent as { id?: unknown } | undefined)?.id;
  const thing = { ...(typeof id === 'string' ? { thingId: id } : {}), ...thingOf(given) };
  const act = { action, actor, from: { address, requestId }, ...thing };
  if (err instanceof AppError && err.code === 'FORBIDDEN') {
    const { permission } = err.details;
    void services.audit.refused({
      ...act,
      outcome: err.code,
      args: { ...given, ...(permission ? { permission } : {}) },
    });
  } else if ((err === null || (err instanceof AppError && err.code === 'NOT_FOUND')) && thing.thingId !== undefined) {
    void services.audit.hidden({ ...act, thingId: thing.thingId, args: given });
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
