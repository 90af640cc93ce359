/** Makes a new environment's spec from what somebody asked for. */
import { AppError } from '@easel/schema/errors';
import { isId, type NamespaceId, type TemplateId } from '@easel/schema/ids';
import { branchSchema, nameSchema } from '@easel/schema/names';
import { gitUrlSchema, imageSchema, type TemplateSpec, templateSpecSchema } from '@easel/schema/template';
import { z } from 'zod';
import { invalidInput } from '../parse-input.ts';
import { specOf, type TemplateRow } from '../template/template-row.ts';
import type { EnvironmentRow } from './environment-row.ts';

const optional = <S extends z.ZodType>(schema: S) => schema.nullish().transform((value) => value ?? null);

export const createEnvironmentSchema = z.object({
  /** Without one, the template's name and some random letters. */
  name: optional(nameSchema),
  /** Id or name. */
  template: optional(z.string().min(1).max(100)),
  /** Id or name, for a template of that name or a repository; without one, the template's. */
  namespace: optional(z.string().min(1).max(100)),
  /** Instead of a template. */
  gitUrl: optional(gitUrlSchema),
  branch: optional(branchSchema),
  image: optional(imageSchema),
  /** Id or name; without one, the template's first. */
  instanceType: optional(z.string().min(1).max(100)),
  /** Id or name. */
  platform: optional(z.string().min(1).max(100)),
  /** Id of the snapshot that the volume is made from. */
  snapshot: optional(z.string().min(1).max(100)),
  /** Made by the client: pressing twice makes one. */
  requestKey: optional(z.string().min(1).max(200)),
});
export type CreateEnvironmentInput = z.input<typeof createEnvironmentSchema>;
export type CreateEnvironment = z.output<typeof createEnvironmentSchema>;

/** Those that whoever asks may use. */
export interface Templates {
  find(wanted: string): Promise<TemplateRow | null>;
  list(limit: number): Promise<TemplateRow[]>;
}

export interface ChosenSpec {
  spec: TemplateSpec;
  templateId: TemplateId | null;
  /** Of the template or of the snapshot's environment; null for a repository. */
  namespaceId: NamespaceId | null;
}

/** What an environment that is made from a snapshot takes over where nothing else is asked for. */
export type SourceOfSnapshot = Pick<EnvironmentRow, 'spec' | 'templateId' | 'namespaceId'>;

/** `source`: the environment that the snapshot was taken of. */
export async function chooseSpec(
  input: CreateEnvironment,
  templates: Templates,
  source: SourceOfSnapshot | null = null,
): Promise<ChosenSpec> {
  if (input.template !== null && input.gitUrl !== null) {
    throw invalidInput([{ path: 'gitUrl', message: 'name either a template or a Git URL, not both' }]);
  }
  if (source && input.gitUrl !== null) {
    throw invalidInput([{ path: 'gitUrl', message: 'the snapshot has its sources already' }]);
  }
  if (source && input.template === null) {
    const { spec, templateId, namespaceId } = source;
    return { spec: { ...spec, image: input.image ?? spec.image }, templateId, namespaceId };
  }
  const template = input.gitUrl === null ? await chooseTemplate(input, templates) : null;
  const spec = template ? specOf(template) : specOfRepository(input.gitUrl ?? '');
  const { id: templateId = null, namespaceId = null } = template ?? {};
  return { spec: { ...spec, image: input.image ?? spec.image }, templateId, namespaceId };
}

/** How many templates an error message can name. */
const NAMED_TEMPLATES = 10;

async function chooseTemplate(
  { template: wanted, namespace }: CreateEnvironment,
  templates: Templates,
): Promise<TemplateRow> {
  if (wanted !== null) {
    const isBare = namespace === null || wanted.includes('/') || isId('template', wanted);
    const template = await templates.find(isBare ? wanted : `${namespace}/${wanted}`);
    if (template) return template;
    throw new AppError({ code: 'NOT_FOUND', message: `there is no template "${wanted}"` });
  }
  const known = await templates.list(NAMED_TEMPLATES + 1);
  const [only] = known;
  if (only && known.length === 1) return only;
  const names = known.slice(0, NAMED_TEMPLATES).map((row) => row.name);
  const choice = names.length > 0 ? `: choose one of ${names.join(', ')}` : ', and there is no template yet';
  throw invalidInput([{ path: 'template', message: `expected a template or a Git URL${choice}` }]);
}

function specOfRepository(url: string): TemplateSpec {
  return templateSpecSchema.parse({ name: nameOfRepository(url), repository: { url } });
}

/** The last part of the URL's path, made into a name. */
function nameOfRepository(url: string): string {
  const last = url.replace(/[/]+$/, '').split(/[/:]/).at(-1) ?? '';
  const name = last
    .replace(/\.git$/, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '')
    .slice(0, MAX_STEM)
    .replace(/-+$/, '');
  return name || 'environment';
}

/** Leaves room for "-" and the suffix within the 40 characters of a name. */
const MAX_STEM = 33;
/** No vowels and nothing that looks like something else, so that it is neither a word nor misread. */
const SUFFIX_ALPHABET = 'bcdfghjkmnpqrstvwxz23456789';

/** A name from the template's and six random characters, of which there are 387 million. */
export function randomName(spec: TemplateSpec): string {
  const bytes = crypto.getRandomValues(new Uint8Array(6));
  const suffix = Array.from(bytes, (byte) => SUFFIX_ALPHABET[byte % SUFFIX_ALPHABET.length]).join('');
  return `${spec.name.slice(0, MAX_STEM).replace(/-+$/, '')}-${suffix}`;
}
