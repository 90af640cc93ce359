/** The settings of a platform as a form: from what is stored, to what is sent, and where the schema finds fault. Pure. */
import { type PlatformSettings, platformSettingsSchema } from '@easel/schema/platform-settings';
import { sentence } from './format.ts';
import { itemsOf, linesOf, pairsOf } from './pair-lines.ts';
import { texts } from './texts.ts';
import { tolerationLines, tolerationsOf } from './tolerations.ts';

/** All as text; lists have one entry per line. */
export type SettingsEntries = Record<
  keyof Omit<PlatformSettings, 'proxy'> | `proxy.${'http' | 'https' | 'no'}`,
  string
>;
export type SettingsField = keyof SettingsEntries;

/** What is stored is read by the same schema as what is sent; what does not fit shows as the defaults. */
export function settingsEntries(stored: unknown): SettingsEntries {
  const settings = platformSettingsSchema.safeParse(stored ?? {}).data ?? platformSettingsSchema.parse({});
  return {
    runtimeClass: settings.runtimeClass ?? '',
    workerImage: settings.workerImage ?? '',
    storageClass: settings.storageClass ?? '',
    snapshotClass: settings.snapshotClass ?? '',
    serviceAccount: settings.serviceAccount ?? '',
    nodeSelector: linesOf(settings.nodeSelector),
    tolerations: tolerationLines(settings.tolerations),
    labels: linesOf(settings.labels),
    annotations: linesOf(settings.annotations),
    env: linesOf(settings.env),
    'proxy.http': settings.proxy.http ?? '',
    'proxy.https': settings.proxy.https ?? '',
    'proxy.no': settings.proxy.no ?? '',
    registryMirrors: settings.registryMirrors.join('\n'),
    insecureRegistries: settings.insecureRegistries.join('\n'),
    pullSecrets: settings.pullSecrets.join('\n'),
    extraCa: settings.extraCa ?? '',
    podTemplate: settings.podTemplate ?? '',
  };
}

const PAIRS = ['nodeSelector', 'labels', 'annotations', 'env'] as const satisfies readonly SettingsField[];

export type CheckedSettings = { settings: PlatformSettings | null; errors: ReadonlyMap<SettingsField, string> };

/** One error for each field at most. `settings` is null while there is one. */
export function checkSettings(entries: SettingsEntries): CheckedSettings {
  const errors = new Map<SettingsField, string>();
  const note = (field: SettingsField, message: string) => {
    if (!errors.has(field)) errors.set(field, sentence(message));
  };
  for (const field of PAIRS) if (pairsOf(entries[field]) === null) note(field, texts.platform.settings.notPairs);
  if (tolerationsOf(entries.tolerations) === null) note('tolerations', texts.platform.settings.notTolerations);
  const text = (field: SettingsField) => entries[field].trim() || null;
  const parsed = platformSettingsSchema.safeParse({
    runtimeClass: text('runtimeClass'),
    workerImage: text('workerImage'),
    storageClass: text('storageClass'),
    snapshotClass: text('snapshotClass'),
    serviceAccount: text('serviceAccount'),
    nodeSelector: pairsOf(entries.nodeSelector) ?? {},
    tolerations: tolerationsOf(entries.tolerations) ?? [],
    labels: pairsOf(entries.labels) ?? {},
    annotations: pairsOf(entries.annotations) ?? {},
    env: pairsOf(entries.env) ?? {},
    proxy: { http: text('proxy.http'), https: text('proxy.https'), no: text('proxy.no') },
    registryMirrors: itemsOf(entries.registryMirrors),
    insecureRegistries: itemsOf(entries.insecureRegistries),
    pullSecrets: itemsOf(entries.pullSecrets),
    extraCa: text('extraCa'),
    // Its indentation is its meaning.
    podTemplate: entries.podTemplate.trim() === '' ? null : entries.podTemplate,
  });
  for (const issue of parsed.error?.issues ?? []) {
    const message = (issue.code === 'invalid_key' && issue.issues[0]?.message) || issue.message;
    noteAt(issue.path.map(String).join('.'), message, entries, note);
  }
  return { settings: errors.size === 0 && parsed.success ? parsed.data : null, errors };
}

/** Refusals of the server name fields by their path, as the schema does. */
export function fieldErrors(details: unknown, entries: SettingsEntries): ReadonlyMap<SettingsField, string> {
  const errors = new Map<SettingsField, string>();
  const fields = details && typeof details === 'object' && 'fields' in details ? details.fields : null;
  for (const problem of Array.isArray(fields) ? (fields as unknown[]) : []) {
    if (!problem || typeof problem !== 'object' || !('path' in problem) || !('message' in problem)) continue;
    noteAt(String(problem.path), String(problem.message), entries, (field, message) =>
      errors.set(field, sentence(message)),
    );
  }
  return errors;
}

/** The field that a path leads into: `proxy.http` is one, `labels.a/b` is part of `labels`. */
function noteAt(
  path: string,
  message: string,
  entries: SettingsEntries,
  note: (field: SettingsField, message: string) => void,
): void {
  const names = Object.keys(entries) as SettingsField[];
  const field = names.find((name) => path === name || path.startsWith(`${name}.`));
  if (!field) return;
  const inside = path.slice(field.length + 1);
  const isNamed = inside !== '' && !/^\d+(\.|$)/.test(inside);
  note(field, isNamed ? `“${inside}”: ${message}` : message);
}
