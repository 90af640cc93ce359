/** The template form as data: from a template, to the API's input, and where the schema finds fault. Pure. */
import { envSchema, scriptSchema, sidecarSchema, templateSpecSchema } from '@easel/schema/template';
import { z } from 'zod';
import { sentence } from './format.ts';
import type { TemplateDetail } from './operations/templates.ts';
import { texts } from './texts.ts';

export const SCRIPT_NAMES = ['init', 'start', 'stop'] as const;
export type ScriptName = (typeof SCRIPT_NAMES)[number];

export type Variable = { key: number; name: string; value: string };
export type SidecarEntries = { key: number; name: string; image: string; env: string; command: string };
export type TemplateEntries = {
  name: string;
  description: string;
  url: string;
  branch: string;
  projectRoot: string;
  image: string;
  idePort: string;
  inactivityMinutes: string;
  /** Names, the default one first; empty offers all. */
  instanceTypes: string[];
  variables: Variable[];
  scripts: Record<ScriptName, { run: string; timeoutSeconds: string }>;
  sidecars: SidecarEntries[];
};

const DEFAULT_TIMEOUT = '600';
let lastKey = 0;
/** Tells rows of a list apart while they are edited. */
export const nextKey = (): number => ++lastKey;

export function emptyEntries(): TemplateEntries {
  const script = () => ({ run: '', timeoutSeconds: DEFAULT_TIMEOUT });
  return {
    name: '',
    description: '',
    url: '',
    branch: '',
    projectRoot: '',
    image: '',
    idePort: '',
    inactivityMinutes: '30',
    instanceTypes: [],
    variables: [],
    scripts: { init: script(), start: script(), stop: script() },
    sidecars: [],
  };
}

const storedScripts = z.partialRecord(z.enum(SCRIPT_NAMES), scriptSchema.nullish());

/** What is stored is read by the same schemas as what is sent; a part that does not fit is shown as empty. */
export function entriesOf(template: TemplateDetail): TemplateEntries {
  const entries = emptyEntries();
  const env = envSchema.safeParse(template.env);
  const scripts = storedScripts.safeParse(template.scripts);
  const sidecars = z.array(sidecarSchema).safeParse(template.sidecars);
  for (const name of SCRIPT_NAMES) {
    const script = scripts.data?.[name];
    if (script) entries.scripts[name] = { run: script.run, timeoutSeconds: String(script.timeoutSeconds) };
  }
  return {
    ...entries,
    name: template.name,
    description: template.description,
    url: template.repositoryUrl,
    branch: template.branch ?? '',
    projectRoot: template.projectRoot,
    image: template.image ?? '',
    idePort: template.idePort === null ? '' : String(template.idePort),
    inactivityMinutes: String(template.inactivityMinutes),
    instanceTypes: [...template.instanceTypes],
    variables: Object.entries(env.data ?? {}).map(([name, value]) => ({ key: nextKey(), name, value })),
    sidecars: (sidecars.data ?? []).map((sidecar) => ({
      key: nextKey(),
      name: sidecar.name,
      image: sidecar.image,
      env: Object.entries(sidecar.env)
        .map(([name, value]) => `${name}=${value}`)
        .join('\n'),
      command: (sidecar.command ?? []).join('\n'),
    })),
  };
}

/** `NAME=value` lines; null when a line is not one. Blank lines do not count. */
export function parseEnvLines(text: string): Record<string, string> | null {
  const env: Record<string, string> = {};
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    const at = line.indexOf('=');
    if (at < 1) return null;
    env[line.slice(0, at).trim()] = line.slice(at + 1);
  }
  return env;
}

/** An empty number field means "not set", never 0; what is not a number is left for the schema to refuse. */
const numberOf = (text: string): number | null => (text.trim() === '' ? null : Number(text));

export function specOf(entries: TemplateEntries): unknown {
  const script = ({ run, timeoutSeconds }: { run: string; timeoutSeconds: string }) =>
    run.trim() === '' ? null : { run, timeoutSeconds: numberOf(timeoutSeconds) ?? Number(DEFAULT_TIMEOUT) };
  return {
    name: entries.name.trim(),
    description: entries.description.trim(),
    repository: { url: entries.url.trim(), branch: entries.branch.trim() || null },
    projectRoot: entries.projectRoot.trim(),
    image: entries.image.trim() || null,
    env: Object.fromEntries(entries.variables.filter(isFilled).map(({ name, value }) => [name.trim(), value])),
    scripts: {
      init: script(entries.scripts.init),
      start: script(entries.scripts.start),
      stop: script(entries.scripts.stop),
    },
    sidecars: entries.sidecars.map((sidecar) => ({
      name: sidecar.name.trim(),
      image: sidecar.image.trim(),
      env: parseEnvLines(sidecar.env) ?? {},
      ...(sidecar.command.trim() && { command: sidecar.command.split('\n').filter((part) => part !== '') }),
    })),
    idePort: numberOf(entries.idePort),
    inactivityMinutes: numberOf(entries.inactivityMinutes) ?? 0,
    instanceTypes: entries.instanceTypes,
  };
}

const isFilled = (variable: Variable): boolean => variable.name.trim() !== '' || variable.value !== '';

export type TemplateInput = z.output<typeof templateSpecSchema>;
export type Checked = { input: TemplateInput | null; errors: ReadonlyMap<string, string> };

/**
 * Errors by the id of their field: `name`, `url`, `variables.2.name`, `scripts.init.timeoutSeconds`, `sidecars.0.image`.
 * `input` is null while there is one.
 */
export function checkTemplate(entries: TemplateEntries): Checked {
  const errors = new Map<string, string>();
  const note = (field: string, message: string) => {
    if (!errors.has(field)) errors.set(field, sentence(message));
  };
  const names = new Set<string>();
  entries.variables.forEach((variable, index) => {
    if (!isFilled(variable)) return;
    const name = variable.name.trim();
    const checked = envSchema.safeParse({ [name]: variable.value });
    if (!checked.success) note(`variables.${index}.name`, checked.error.issues[0]?.message ?? '');
    else if (names.has(name)) note(`variables.${index}.name`, texts.templates.variableTwice);
    names.add(name);
  });
  entries.sidecars.forEach((sidecar, index) => {
    if (parseEnvLines(sidecar.env) === null) note(`sidecars.${index}.env`, texts.templates.sidecarEnvWrong);
  });
  const parsed = templateSpecSchema.safeParse(specOf(entries));
  for (const issue of parsed.error?.issues ?? []) {
    const [head, ...rest] = issue.path.map(String);
    if (head === 'env') continue;
    if (head === 'repository') note(rest[0] ?? 'url', issue.message);
    else if (head === 'sidecars') note(`sidecars.${rest.slice(0, 2).join('.')}`, issue.message);
    else note([head, ...rest].join('.'), issue.message);
  }
  return { input: errors.size === 0 && parsed.success ? parsed.data : null, errors };
}
