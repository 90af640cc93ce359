import type { TemplateSpecInput } from '@easel/schema/template';
import { asUser } from '../actor.ts';
import { builder } from '../api/builder.ts';
import { refusals } from '../api/refusals.ts';
import type { Template } from '../generated/prisma/client.ts';
import { may } from '../rights/may.ts';
import type { TemplateRow } from './template-row.ts';

/** The same row, as Prisma types it. */
function shown<Row extends TemplateRow | null>(row: Row): Row extends null ? Template | null : Template {
  return row as unknown as Row extends null ? Template | null : Template;
}

export const TemplateNode = builder.prismaNode('Template', {
  id: { field: 'id' },
  authScopes: (template, { actor }) => may(actor, 'template.read', template),
  fields: (t) => ({
    name: t.exposeString('name'),
    namespace: t.relation('namespace'),
    description: t.exposeString('description'),
    repositoryUrl: t.exposeString('repositoryUrl'),
    branch: t.exposeString('branch', { nullable: true }),
    projectRoot: t.exposeString('projectRoot'),
    image: t.exposeString('image', { nullable: true }),
    env: t.expose('env', { type: 'JSON' }),
    scripts: t.expose('scripts', { type: 'JSON' }),
    sidecars: t.expose('sidecars', { type: 'JSON' }),
    idePort: t.exposeInt('idePort', { nullable: true }),
    inactivityMinutes: t.exposeInt('inactivityMinutes'),
    instanceTypes: t.stringList({
      description: 'Names of the instance types that it offers, the default one first; empty offers all.',
      resolve: ({ instanceTypes }) => instanceTypes as string[],
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    environmentCount: t.loadable({
      type: 'Int',
      description: 'Environments of everybody that were made from it and are not deleted.',
      load: async (ids: string[], { services }) => {
        const counts = await services.templates.environmentCounts(ids);
        return ids.map((id) => counts.get(id) ?? 0);
      },
      resolve: (template) => template.id,
    }),
  }),
});

const RepositoryInput = builder.inputType('RepositoryInput', {
  fields: (t) => ({ url: t.string({ required: true }), branch: t.string() }),
});
const ScriptInput = builder.inputType('ScriptInput', {
  fields: (t) => ({
    run: t.string({ required: true, description: "Run by `sh -c` in the project's root." }),
    timeoutSeconds: t.int({ description: '600 when left out.' }),
  }),
});
const ScriptsInput = builder.inputType('ScriptsInput', {
  fields: (t) => ({
    init: t.field({ type: ScriptInput }),
    start: t.field({ type: ScriptInput }),
    stop: t.field({ type: ScriptInput }),
  }),
});
const SidecarInput = builder.inputType('SidecarInput', {
  fields: (t) => ({
    name: t.string({ required: true }),
    image: t.string({ required: true }),
    env: t.field({ type: 'JSON' }),
    command: t.stringList(),
  }),
});
const CreateTemplateInput = builder.inputType('CreateTemplateInput', {
  fields: (t) => ({
    name: t.string({ required: true }),
    description: t.string(),
    repository: t.field({ type: RepositoryInput, required: true }),
    projectRoot: t.string(),
    image: t.string(),
    env: t.field({ type: 'JSON', description: 'An object: names of variables to their values.' }),
    scripts: t.field({ type: ScriptsInput }),
    sidecars: t.field({ type: [SidecarInput] }),
    idePort: t.int(),
    inactivityMinutes: t.int(),
    instanceTypes: t.stringList({ description: 'Names, the default one first; empty offers all.' }),
  }),
});

/** GraphQL says null where the spec's schema has a default: left out is the same. The schema then says what is wrong. */
function specInput(input: typeof CreateTemplateInput.$inferInput): TemplateSpecInput {
  return dropNulls(input) as TemplateSpecInput;
}

function dropNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(dropNulls);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).filter(([, inner]) => inner !== null && inner !== undefined);
  return Object.fromEntries(entries.map(([key, inner]) => [key, dropNulls(inner)]));
}

builder.queryFields((t) => ({
  templates: t.prismaConnection(
    {
      type: TemplateNode,
      cursor: 'id',
      authScopes: { user: true },
      description: 'Of all namespaces whose templates the caller sees, by name.',
      args: { namespace: t.arg.id({ description: 'Of this one alone.' }) },
      resolve: async (query, _root, { namespace }, { db, services, actor }) => {
        const seen = (await services.namespaces.list(actor)).map(({ id }) => id);
        const readable = seen.filter((namespaceId) => may(actor, 'template.read', { namespaceId }));
        const ids = namespace ? readable.filter((id) => id === namespace) : readable;
        const orderBy = [{ name: 'asc' as const }, { id: 'asc' as const }];
        return db.template.findMany({ ...query, where: { namespaceId: { in: ids }, deletedAt: null }, orderBy });
      },
    },
    { name: 'TemplatesConnection' },
    { name: 'TemplatesEdge' },
  ),
  template: t.prismaField({
    type: TemplateNode,
    nullable: true,
    authScopes: { user: true },
    args: { id: t.arg.id(), name: t.arg.string({ description: 'Or `namespace/name`.' }) },
    resolve: async (_query, _root, { id, name }, { services, actor }) => {
      const wanted = id ?? name;
      const row = wanted ? await services.templates.find(actor, wanted) : null;
      return row && may(actor, 'template.read', row) ? shown(row) : null;
    },
  }),
}));

builder.mutationFields((t) => ({
  createTemplate: t.prismaField({
    type: TemplateNode,
    ...refusals('NAME_TAKEN'),
    args: {
      input: t.arg({ type: CreateTemplateInput, required: true }),
      namespace: t.arg.id({ description: 'Id or name; the default one when left out.' }),
    },
    resolve: async (_query, _root, { input, namespace }, { services, actor }) =>
      shown(await services.templates.create(asUser(actor), specInput(input), namespace ?? null)),
  }),
  updateTemplate: t.prismaField({
    type: TemplateNode,
    ...refusals('NAME_TAKEN', 'NOT_FOUND', 'WRONG_STATE'),
    args: { id: t.arg.id({ required: true }), input: t.arg({ type: CreateTemplateInput, required: true }) },
    resolve: async (_query, _root, { id, input }, { services, actor }) =>
      shown(await services.templates.update(asUser(actor), id, specInput(input))),
  }),
  deleteTemplate: t.prismaField({
    type: TemplateNode,
    ...refusals('NOT_FOUND'),
    args: { id: t.arg.id({ required: true }) },
    resolve: async (_query, _root, { id }, { services, actor }) =>
      shown(await services.templates.delete(asUser(actor), id)),
  }),
}));
