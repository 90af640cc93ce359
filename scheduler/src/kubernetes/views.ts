/** The small part of each object that is kept: parsed at the door, everything else is dropped. */
import type { EnvironmentId, SnapshotId, WorkerId } from '@easel/schema/ids';
import { z } from 'zod';
import type { View } from './informer.ts';
import { LABELS, labelledId } from './names.ts';
import { readQuantity } from './quantity.ts';

const metadataSchema = z.object({
  name: z.string(),
  uid: z.string(),
  resourceVersion: z.string(),
  labels: z.record(z.string(), z.string()).nullish(),
  deletionTimestamp: z.string().nullish(),
});
const text = z.string().nullish().catch(null);
const conditionSchema = z.object({ type: z.string(), status: z.string(), reason: text, message: text });
const conditionsSchema = z.array(conditionSchema).nullish();

export interface Condition {
  type: string;
  isTrue: boolean;
  reason: string;
  message: string;
}

export interface PodView extends View {
  environmentId: EnvironmentId;
  workerId: WorkerId;
  generation: number;
  phase: string;
  reason: string;
  message: string;
  nodeName: string | null;
  isDeleting: boolean;
  conditions: Condition[];
  /** Of the container `worker`; null before it has a status. */
  worker:
    | { kind: 'waiting'; reason: string; message: string; image: string }
    | { kind: 'running' }
    | { kind: 'terminated'; exitCode: number; signal: number | null; reason: string; message: string }
    | null;
}

const podSchema = z.object({
  metadata: metadataSchema,
  spec: z.object({ nodeName: text }),
  status: z
    .object({
      phase: z.string().default('Pending'),
      reason: text,
      message: text,
      conditions: conditionsSchema,
      containerStatuses: z
        .array(
          z.object({
            name: z.string(),
            image: z.string().default(''),
            state: z
              .object({
                waiting: z.object({ reason: text, message: text }).nullish(),
                running: z.unknown().optional(),
                terminated: z
                  .object({
                    exitCode: z.number().int(),
                    signal: z.number().int().nullish(),
                    reason: text,
                    message: text,
                  })
                  .nullish(),
              })
              .default({}),
          }),
        )
        .nullish(),
    })
    .default({ phase: 'Pending' }),
});

export function readPod(raw: unknown): PodView | null {
  const parsed = podSchema.safeParse(raw);
  if (!parsed.success) return null;
  const { metadata, spec, status } = parsed.data;
  const labels = metadata.labels ?? {};
  const environmentId = labelledId(labels, 'environment');
  const workerId = labelledId(labels, 'worker');
  const generation = Number(labels[LABELS.generation]);
  if (!environmentId || !workerId || !Number.isInteger(generation)) return null;
  return {
    ...viewOf(metadata),
    environmentId,
    workerId,
    generation,
    phase: status.phase,
    reason: status.reason ?? '',
    message: status.message ?? '',
    nodeName: spec.nodeName || null,
    isDeleting: Boolean(metadata.deletionTimestamp),
    conditions: conditionsOf(status.conditions),
    worker: workerOf(status.containerStatuses?.find(({ name }) => name === 'worker')),
  };
}

type ContainerStatus = NonNullable<NonNullable<z.infer<typeof podSchema>['status']>['containerStatuses']>[number];

function workerOf(status: ContainerStatus | undefined): PodView['worker'] {
  if (!status) return null;
  const { waiting, running, terminated } = status.state;
  if (terminated) {
    const { exitCode, signal, reason, message } = terminated;
    return { kind: 'terminated', exitCode, signal: signal ?? null, reason: reason ?? '', message: message ?? '' };
  }
  if (running) return { kind: 'running' };
  return { kind: 'waiting', reason: waiting?.reason ?? '', message: waiting?.message ?? '', image: status.image };
}

export interface ClaimView extends View {
  environmentId: EnvironmentId;
  phase: string;
  isDeleting: boolean;
  storageClass: string | null;
  requestedBytes: number;
  capacityBytes: number;
  conditions: Condition[];
}

const storageSchema = z.object({ storage: z.string() }).nullish().catch(null);
const claimSchema = z.object({
  metadata: metadataSchema,
  spec: z.object({ storageClassName: text, resources: z.object({ requests: storageSchema }).nullish() }),
  status: z
    .object({ phase: z.string().default('Pending'), capacity: storageSchema, conditions: conditionsSchema })
    .default({ phase: 'Pending' }),
});

/** A PersistentVolumeClaim. */
export function readClaim(raw: unknown): ClaimView | null {
  const parsed = claimSchema.safeParse(raw);
  if (!parsed.success) return null;
  const { metadata, spec, status } = parsed.data;
  const environmentId = labelledId(metadata.labels ?? {}, 'environment');
  if (!environmentId) return null;
  return {
    ...viewOf(metadata),
    environmentId,
    phase: status.phase,
    isDeleting: Boolean(metadata.deletionTimestamp),
    storageClass: spec.storageClassName || null,
    requestedBytes: bytesOf(spec.resources?.requests?.storage),
    capacityBytes: bytesOf(status.capacity?.storage),
    conditions: conditionsOf(status.conditions),
  };
}

export interface SnapshotView extends View {
  snapshotId: SnapshotId;
  isDeleting: boolean;
  isReady: boolean;
  /** The cut is made. */
  isCut: boolean;
  restoreBytes: number | null;
  error: string | null;
}

const snapshotSchema = z.object({
  metadata: metadataSchema,
  status: z
    .object({
      readyToUse: z.boolean().nullish(),
      creationTime: text,
      restoreSize: text,
      error: z.object({ message: text }).nullish(),
    })
    .nullish(),
});

/** A VolumeSnapshot v1. */
export function readSnapshot(raw: unknown): SnapshotView | null {
  const parsed = snapshotSchema.safeParse(raw);
  if (!parsed.success) return null;
  const { metadata, status } = parsed.data;
  const snapshotId = labelledId(metadata.labels ?? {}, 'snapshot');
  if (!snapshotId) return null;
  return {
    ...viewOf(metadata),
    snapshotId,
    isDeleting: Boolean(metadata.deletionTimestamp),
    isReady: status?.readyToUse ?? false,
    isCut: Boolean(status?.creationTime),
    restoreBytes: status?.restoreSize ? readQuantity(status.restoreSize) : null,
    error: status?.error ? (status.error.message ?? 'the cluster does not say why') : null,
  };
}

export interface EventView extends View {
  /** The object that it is about: its name is an id of ours. */
  about: string;
  reason: string;
  message: string;
  /** Milliseconds since 1970, on a clock of the cluster: only compared with other events. */
  atMs: number;
}

const eventSchema = z.object({
  metadata: metadataSchema,
  involvedObject: z.object({ kind: z.string(), name: z.string() }),
  reason: z.string(),
  message: text,
  lastTimestamp: text,
  eventTime: text,
  firstTimestamp: text,
  series: z.object({ lastObservedTime: text }).nullish(),
});

/** Those that say why something waits. */
const TELLING: ReadonlySet<string> = new Set([
  'FailedScheduling',
  'TriggeredScaleUp',
  'NotTriggerScaleUp',
  'FailedMount',
  'FailedAttachVolume',
  'FailedMapVolume',
  'FailedCreatePodSandBox',
  'Pulling',
  'Failed',
  'ProvisioningFailed',
  'VolumeResizeFailed',
]);

/** An Event about a pod or a volume of an environment. */
export function readEvent(raw: unknown): EventView | null {
  const parsed = eventSchema.safeParse(raw);
  if (!parsed.success) return null;
  const { metadata, involvedObject, reason, message, lastTimestamp, eventTime, firstTimestamp, series } = parsed.data;
  const { kind, name } = involvedObject;
  if (kind !== 'Pod' && kind !== 'PersistentVolumeClaim') return null;
  if (!/^(wrk|env)[0-9a-z]{26}$/.test(name) || !TELLING.has(reason)) return null;
  const at = series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? firstTimestamp ?? '';
  return {
    ...viewOf(metadata),
    about: name,
    reason,
    message: (message ?? '').slice(0, 1000),
    atMs: Date.parse(at) || 0,
  };
}

function viewOf({ name, uid, resourceVersion }: z.infer<typeof metadataSchema>): View {
  return { name, uid, version: resourceVersion };
}

function conditionsOf(conditions: z.infer<typeof conditionsSchema>): Condition[] {
  return (conditions ?? []).map(({ type, status, reason, message }) => ({
    type,
    isTrue: status === 'True',
    reason: reason ?? '',
    message: message ?? '',
  }));
}

function bytesOf(quantity: string | undefined): number {
  return Math.max(0, Math.round((quantity && readQuantity(quantity)) || 0));
}
