/** What a scheduler is given to do and what it says of it. Travels over the GraphQL API as JSON of these shapes. */
import { z } from 'zod';
import { failureSchema } from '../failure.ts';
import { idSchema } from '../ids.ts';
import { ENVIRONMENT_PHASES } from '../states/environment.ts';
import { PLACEMENT_STATES, PLACEMENT_WISHES } from '../states/placement.ts';

/** What a `run` asks of the platform: the instance type's share, and what the volume is made from. */
export const placementSpecSchema = z.object({
  cpus: z.number().positive().nullable(),
  memoryBytes: z.number().int().positive().nullable(),
  gpus: z.number().int().min(0),
  gpuResource: z.string(),
  /** Raised while it runs: the volume is to grow. */
  diskBytes: z.number().int().positive(),
  storageClass: z.string().nullable(),
  zone: z.string().nullable(),
  nodeSelector: z.record(z.string(), z.string()),
  serviceAccount: z.string().nullable(),
  /** A new volume is made from this snapshot; null is an empty one. Means nothing once the volume is there. */
  restoreFrom: idSchema('snapshot').nullable(),
});
export type PlacementSpec = z.infer<typeof placementSpecSchema>;

export const placementSchema = z.object({
  id: idSchema('placement'),
  environmentId: idSchema('environment'),
  environmentName: z.string(),
  /** Null for an `erase` without a worker. */
  workerId: idSchema('worker').nullable(),
  generation: z.number().int(),
  wish: z.enum(PLACEMENT_WISHES),
  /** A `placed` one without a worker is a worker that is gone; a `waiting` one without a worker is yet to be claimed. */
  state: z.enum(PLACEMENT_STATES),
  /** Given with the claim of a `run` only: the same at every claim of the same worker. */
  workerToken: z.string().nullable(),
  leaseExpiresAt: z.iso.datetime().nullable(),
  /** Of a `run` only. */
  spec: placementSpecSchema.nullable(),
});
export type Placement = z.infer<typeof placementSchema>;

/**
 * What the server knows of an environment that a scheduler found traces of (`Query.platformEnvironments(ids)`, platform
 * token). An id that is not in the answer is unknown there. Only what is `deleted` or unknown is an orphan.
 */
export const knownEnvironmentSchema = z.object({ id: idSchema('environment'), phase: z.enum(ENVIRONMENT_PHASES) });
export type KnownEnvironment = z.infer<typeof knownEnvironmentSchema>;

export const observationSchema = z.discriminatedUnion('type', [
  /** No room yet, or pulling: the platform's own reason in one sentence. Renews nothing; the placement stays claimed. */
  z.object({ type: z.literal('pending'), placementId: idSchema('placement'), reason: z.string().max(500) }),
  /** The volume as it is now. `problem`: why it does not grow as wished, one sentence. */
  z.object({
    type: z.literal('volume'),
    placementId: idSchema('placement'),
    capacityBytes: z.number().int().min(0),
    problem: z.string().max(500).nullable(),
  }),
  /** The platform takes the worker's machine away (drain, eviction): it stops gracefully, and is to start elsewhere. */
  z.object({ type: z.literal('evicted'), placementId: idSchema('placement'), reason: z.string().max(500) }),
  /** Volume and worker exist. */
  z.object({ type: z.literal('placed'), placementId: idSchema('placement') }),
  /** The worker is gone for good (process ended, pod deleted) though it was wanted. `reason`: exit code, signal, eviction. */
  z.object({ type: z.literal('gone'), placementId: idSchema('placement'), reason: z.string().max(500) }),
  /** Cannot be placed: a hard error. */
  z.object({ type: z.literal('failed'), placementId: idSchema('placement'), failure: failureSchema }),
  /** What `end` or `erase` asked for is done. Naming the wish keeps an `end` from passing for a later `erase`. */
  z.object({ type: z.literal('ended'), placementId: idSchema('placement'), wish: z.enum(PLACEMENT_WISHES).optional() }),
]);
export type Observation = z.infer<typeof observationSchema>;
