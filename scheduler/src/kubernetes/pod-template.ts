/**
 * An administrator's own pod template: YAML, read as data and laid under what Easel sets itself. Maps are merged key by key,
 * lists of named things thing by thing (the container `worker`, volumes, variables); in everything else Easel's value wins.
 */

import { labelsSchema } from '@easel/schema/instance-type';
import { parseDocument } from 'yaml';
import { z } from 'zod';

type Data = Record<string, unknown>;

/** What lists are merged by, by the name of their field. Others are appended to (tolerations) or replaced. */
const KEYS: Readonly<Record<string, string>> = {
  containers: 'name',
  initContainers: 'name',
  volumes: 'name',
  env: 'name',
  volumeMounts: 'mountPath',
  imagePullSecrets: 'name',
};
const APPENDED: ReadonlySet<string> = new Set(['tolerations', 'envFrom', 'hostAliases', 'topologySpreadConstraints']);

/** Bound in our own pod to what they are: a template that names them would be a misunderstanding. */
const OURS = { volumes: ['volume', 'easel'], mounts: ['/easel/volume', '/run/easel'] } as const;

const named = z.looseObject({ name: z.string().min(1).max(253) });
const containerSchema = z.looseObject({
  name: z.string().min(1).max(63),
  env: z.array(named).optional(),
  volumeMounts: z.array(z.looseObject({ name: z.string(), mountPath: z.string() })).optional(),
});
const templateSchema = z.strictObject({
  apiVersion: z.string().optional(),
  kind: z.enum(['Pod', 'PodTemplate', 'PodTemplateSpec']).optional(),
  metadata: z
    .strictObject({ labels: labelsSchema.optional(), annotations: z.record(z.string(), z.string()).optional() })
    .optional(),
  spec: z
    .looseObject({
      containers: z.array(containerSchema).optional(),
      initContainers: z.array(containerSchema).optional(),
      volumes: z.array(named).optional(),
      tolerations: z.array(z.looseObject({})).optional(),
      restartPolicy: z.literal('Never', 'a worker is never started again: restartPolicy is "Never"').optional(),
    })
    .optional(),
});
export type PodTemplate = z.infer<typeof templateSchema>;

/** Anchors may be used, but not to make a small text huge. */
const maxAliases = 100;

/** Throws an Error whose message says in one sentence what is wrong. */
export function parsePodTemplate(yaml: string): PodTemplate {
  const document = parseDocument(yaml, { schema: 'core', customTags: null, uniqueKeys: true });
  const [broken] = document.errors;
  if (broken) throw new Error(`the pod template is no YAML: ${broken.message.split('\n')[0]}`);
  const parsed = templateSchema.safeParse(document.toJS({ maxAliasCount: maxAliases }) ?? {});
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Error(`the pod template is wrong at "${issue?.path.join('.') ?? ''}": ${issue?.message}`);
  }
  const { spec } = parsed.data;
  const taken = spec?.volumes?.find(({ name }) => OURS.volumes.some((ours) => ours === name));
  if (taken) throw new Error(`the pod template has a volume "${taken.name}", which is the name of one of Easel's own`);
  const mounts = (spec?.containers ?? []).flatMap(({ name, volumeMounts }) =>
    name === 'worker' ? (volumeMounts ?? []) : [],
  );
  const over = mounts.find(({ mountPath }) =>
    OURS.mounts.some((ours) => mountPath === ours || mountPath.startsWith(`${ours}/`)),
  );
  if (over)
    throw new Error(`the pod template mounts something at "${over.mountPath}", which is one of Easel's own places`);
  return parsed.data;
}

/** Lays `over` on `base`. Neither is changed. */
export function merge(base: Data, over: Data): Data {
  const result: Data = { ...base };
  for (const [field, value] of Object.entries(over)) {
    const below = Object.hasOwn(base, field) ? base[field] : undefined;
    result[field] = mergeField(field, below, value);
  }
  return result;
}

function mergeField(field: string, below: unknown, value: unknown): unknown {
  if (isData(below) && isData(value)) return merge(below, value);
  if (!Array.isArray(below) || !Array.isArray(value)) return value;
  const key = KEYS[field];
  if (key) return mergeNamed(key, below.filter(isData), value.filter(isData));
  return APPENDED.has(field) ? [...below, ...value] : value;
}

function mergeNamed(key: string, below: Data[], over: Data[]): Data[] {
  const mine = new Map(over.map((item) => [item[key], item]));
  const merged = below.map((item) => {
    const own = mine.get(item[key]);
    mine.delete(item[key]);
    return own ? merge(item, own) : item;
  });
  return [...merged, ...mine.values()];
}

function isData(value: unknown): value is Data {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
