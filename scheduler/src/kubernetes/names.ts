/** What our objects are called and labelled. Names come from ids alone: no name that a person chose gets here. */
import { type EnvironmentId, type Id, isId, type WorkerId } from '@easel/schema/ids';

export const LABELS = {
  name: 'app.kubernetes.io/name',
  managedBy: 'app.kubernetes.io/managed-by',
  environment: 'easel.dev/environment',
  worker: 'easel.dev/worker',
  generation: 'easel.dev/generation',
  platform: 'easel.dev/platform',
  snapshot: 'easel.dev/snapshot',
} as const;

export const managedBy = 'easel';

/** All objects of one platform: several may share a namespace. */
export function selectorOf(platformId: string): string {
  return `${LABELS.managedBy}=${managedBy},${LABELS.platform}=${platformId}`;
}

export function labelsOf(platformId: string, environmentId: EnvironmentId): Record<string, string> {
  return {
    [LABELS.name]: 'easel-worker',
    [LABELS.managedBy]: managedBy,
    [LABELS.platform]: platformId,
    [LABELS.environment]: environmentId,
  };
}

/** A label's value, when it is an id of this kind. */
export function labelledId<K extends 'environment' | 'worker' | 'snapshot'>(
  labels: Readonly<Record<string, string>>,
  kind: K,
): Id<K> | null {
  const value = labels[LABELS[kind]];
  return isId(kind, value) ? value : null;
}

export interface WorkerNames {
  environmentId: EnvironmentId;
  workerId: WorkerId;
  generation: number;
}
