import { templateSpecSchema } from '@easel/schema/template';
import {
  createTemplateMutation,
  deleteTemplateMutation,
  type Template,
  templatesQuery,
  updateTemplateMutation,
} from '../api/templates.ts';
import type { Context } from '../context.ts';
import { plain } from '../output/clean.ts';
import { relative } from '../output/format.ts';
import { findTemplate } from './find.ts';
import { readSpec } from './read-spec.ts';

const EXPECTED = { schema: templateSpecSchema, what: 'a template' };

export async function createTemplate(context: Context, options: { file: string; namespace?: string }): Promise<void> {
  const { io, out } = context;
  const input = await readSpec(options.file, io, EXPECTED);
  const api = await context.api();
  const template = await api.ask(createTemplateMutation, { input, namespace: options.namespace });
  out.json(template);
  const { name, namespace } = template;
  const path = namespace.isDefault ? name : `${namespace.name}/${name}`;
  out.line(`${name} is a template now; \`easel create NAME --template ${path}\` uses it`);
}

/** Environments that are there keep what they were made with. */
export async function updateTemplate(context: Context, name: string, options: { file: string }): Promise<void> {
  const { io, out } = context;
  const input = await readSpec(options.file, io, EXPECTED);
  const api = await context.api();
  const { id } = await findTemplate(api, name);
  const template = await api.ask(updateTemplateMutation, { id, input }, { isRepeatable: true });
  out.json(template);
  out.line(`${template.name} is changed; environments that were made from it keep what they have`);
}

export async function listTemplates({ api: open, out }: Context): Promise<void> {
  const templates = await (await open()).all(templatesQuery);
  out.json(templates);
  if (templates.length === 0) {
    out.note('no templates yet; `easel template create --file FILE` makes one');
    return;
  }
  const nowMs = Date.now();
  out.table(
    ['NAME', 'NAMESPACE', 'REPOSITORY', 'BRANCH', 'IMAGE', 'ENVIRONMENTS', 'CREATED'],
    templates.map((template: Template) => [
      template.name,
      template.namespace.name,
      template.repositoryUrl,
      template.branch ?? '-',
      template.image ?? '-',
      String(template.environmentCount),
      relative(template.createdAt, nowMs),
    ]),
  );
}

export async function showTemplate({ api: open, out }: Context, name: string): Promise<void> {
  const template = await findTemplate(await open(), name);
  out.json(template);
  if (out.isJson) return;
  const { stringify } = await import('yaml');
  const { id, environmentCount, createdAt, name: _name, description, repositoryUrl, branch, ...spec } = template;
  const repository = { url: repositoryUrl, branch };
  const shown = stringify({ name: template.name, description, repository, ...spec });
  out.line(`# ${id}, created ${relative(createdAt, Date.now())}, environments made from it: ${environmentCount}`);
  for (const line of shown.trimEnd().split('\n')) out.line(indented(line));
}

export async function deleteTemplate({ api: open, out }: Context, name: string): Promise<void> {
  const api = await open();
  const template = await findTemplate(api, name);
  await api.ask(deleteTemplateMutation, { id: template.id });
  out.json(template);
  out.line(`${template.name} is gone; environments that were made from it stay`);
}

function indented(line: string): string {
  const text = line.trimStart();
  return `${line.slice(0, line.length - text.length)}${plain(text)}`;
}
