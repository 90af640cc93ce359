import { asUser } from '../actor.ts';
import { builder } from '../api/builder.ts';
import { refusals } from '../api/refusals.ts';
import { may } from '../rights/may.ts';

/** Reached by what is in it, or by a role in it: whoever sees one of those sees the name. */
export const NamespaceType = builder.prismaObject('Namespace', {
  description: 'Templates and environments belong to one, and users and groups have roles in it.',
  fields: (t) => ({
    id: t.exposeID('id'),
    name: t.exposeString('name'),
    isDefault: t.boolean({
      description: 'Meant where none is named. It cannot be renamed or deleted.',
      resolve: async ({ id }, _args, { services }) => id === (await services.namespaces.defaultId()),
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    mayEditTemplates: t.boolean({
      description: 'Whether the caller may create, change and delete templates in it.',
      resolve: ({ id }, _args, { actor }) => may(actor, 'template.change', { namespaceId: id }),
    }),
    templateCount: t.loadable({
      type: 'Int',
      nullable: true,
      description: 'Null for whoever does not see its templates.',
      load: async (ids: string[], { services }) => {
        const contents = await services.namespaces.contents(ids);
        return ids.map((id) => contents.get(id)?.templates ?? 0);
      },
      resolve: ({ id }, _args, { actor }) => (may(actor, 'namespace.read', { namespaceId: id }) ? id : null),
    }),
    environmentCount: t.loadable({
      type: 'Int',
      nullable: true,
      description: 'Of everybody, without the deleted ones. Null for whoever does not see its templates.',
      load: async (ids: string[], { services }) => {
        const contents = await services.namespaces.contents(ids);
        return ids.map((id) => contents.get(id)?.environments ?? 0);
      },
      resolve: ({ id }, _args, { actor }) => (may(actor, 'namespace.read', { namespaceId: id }) ? id : null),
    }),
  }),
});

builder.queryField('namespaces', (t) =>
  t.prismaField({
    type: [NamespaceType],
    authScopes: { user: true },
    description: 'Those whose templates the caller sees; all for administrators and auditors. By name.',
    resolve: (_query, _root, _args, { services, actor }) => services.namespaces.list(actor),
  }),
);

builder.mutationFields((t) => {
  const id = t.arg.id({ required: true });
  const name = t.arg.string({ required: true });
  return {
    createNamespace: t.prismaField({
      type: NamespaceType,
      ...refusals('NAME_TAKEN', 'QUOTA_EXCEEDED'),
      args: { name },
      resolve: (_query, _root, { name }, { services, actor }) => services.namespaces.create(asUser(actor), name),
    }),
    renameNamespace: t.prismaField({
      type: NamespaceType,
      ...refusals('NAME_TAKEN', 'NOT_FOUND', 'WRONG_STATE'),
      args: { id, name },
      resolve: (_query, _root, { id, name }, { services, actor }) =>
        services.namespaces.rename(asUser(actor), id, name),
    }),
    deleteNamespace: t.prismaField({
      type: NamespaceType,
      ...refusals('NOT_FOUND', 'WRONG_STATE'),
      description: 'With the roles that were given in it. Refused while a template or an environment is in it.',
      args: { id },
      resolve: (_query, _root, { id }, { services, actor }) => services.namespaces.delete(asUser(actor), id),
    }),
  };
});
