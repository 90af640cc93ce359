/** The form of an instance type as data: from a stored one, to the API's input, and where the schema finds fault. Pure. */
import { type InstanceTypeSpec, instanceTypeSpecSchema, labelsSchema } from '@easel/schema/instance-type';
import { sentence } from './format.ts';
import type { InstanceType } from './operations/instance-types.ts';
import { linesOf, pairsOf } from './pair-lines.ts';
import { texts } from './texts.ts';

const GIB = 1024 ** 3;

/** All as text; memory and disk in units of 1024³ bytes. */
export type InstanceTypeEntries = {
  name: string;
  description: string;
  cpus: string;
  memoryBytes: string;
  diskBytes: string;
  gpus: string;
  gpuResource: string;
  storageClass: string;
  zone: string;
  nodeSelector: string;
  serviceAccount: string;
};

export function emptyInstanceType(): InstanceTypeEntries {
  return {
    name: '',
    description: '',
    cpus: '2',
    memoryBytes: '4',
    diskBytes: '20',
    gpus: '0',
    gpuResource: 'nvidia.com/gpu',
    storageClass: '',
    zone: '',
    nodeSelector: '',
    serviceAccount: '',
  };
}

export function instanceTypeEntries(type: InstanceType): InstanceTypeEntries {
  return {
    name: type.name,
    description: type.description,
    cpus: type.cpus === null ? '' : String(type.cpus),
    memoryBytes: type.memoryBytes === null ? '' : String(type.memoryBytes / GIB),
    diskBytes: String(type.diskBytes / GIB),
    gpus: String(type.gpus),
    gpuResource: type.gpuResource,
    storageClass: type.storageClass ?? '',
    zone: type.zone ?? '',
    nodeSelector: linesOf(labelsSchema.safeParse(type.nodeSelector).data ?? {}),
    serviceAccount: type.serviceAccount ?? '',
  };
}

export type InstanceTypeField = keyof InstanceTypeEntries;
export type CheckedInstanceType = { input: InstanceTypeSpec | null; errors: ReadonlyMap<InstanceTypeField, string> };

/** An empty number means "not set"; what is not a number is left for the schema to refuse. */
const numberOf = (text: string): number | null => (text.trim() === '' ? null : Number(text));

/** In bytes; null when empty. */
export function bytesOf(gibibytes: string): number | null {
  const value = numberOf(gibibytes);
  return value === null ? null : Math.round(value * GIB);
}

export function checkInstanceType(entries: InstanceTypeEntries): CheckedInstanceType {
  const errors = new Map<InstanceTypeField, string>();
  if (pairsOf(entries.nodeSelector) === null) errors.set('nodeSelector', texts.platform.settings.notPairs);
  const parsed = instanceTypeSpecSchema.safeParse({
    name: entries.name.trim(),
    description: entries.description.trim(),
    cpus: numberOf(entries.cpus),
    memoryBytes: bytesOf(entries.memoryBytes),
    diskBytes: bytesOf(entries.diskBytes) ?? undefined,
    gpus: numberOf(entries.gpus) ?? 0,
    gpuResource: entries.gpuResource.trim() || undefined,
    storageClass: entries.storageClass.trim() || null,
    zone: entries.zone.trim() || null,
    nodeSelector: pairsOf(entries.nodeSelector) ?? {},
    serviceAccount: entries.serviceAccount.trim() || null,
  });
  for (const { path, message } of parsed.error?.issues ?? []) {
    const field = String(path[0]) as InstanceTypeField;
    if (!errors.has(field)) errors.set(field, SIZE_ERRORS[field] ?? sentence(message));
  }
  return { input: errors.size === 0 && parsed.success ? parsed.data : null, errors };
}

/** The schema counts bytes; people do not. */
const SIZE_ERRORS: Partial<Record<InstanceTypeField, string>> = {
  cpus: texts.instanceTypes.cpusWrong,
  memoryBytes: texts.instanceTypes.memoryWrong,
  diskBytes: texts.instanceTypes.diskWrong,
  gpus: texts.instanceTypes.gpusWrong,
};
