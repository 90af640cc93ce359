/**
 * What an administrator sets for one Kubernetes platform. Kept by the server, carried by the answer to the scheduler's heartbeat,
 * tried out there (dry-run) before it counts, so that a mistake is said while it is made and never breaks running environments.
 */
import { z } from 'zod';
import { labelsSchema, objectNameSchema } from './instance-type.ts';
import { envSchema } from './template.ts';

const optional = <S extends z.ZodType>(schema: S) => schema.nullish().transform((value) => value ?? null);

export const tolerationSchema = z.strictObject({
  key: z.string().max(317).optional(),
  operator: z.enum(['Exists', 'Equal']).optional(),
  value: z.string().max(63).optional(),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).optional(),
  tolerationSeconds: z.number().int().optional(),
});

const registrySchema = z
  .string()
  .max(400)
  .regex(
    /^(https?:\/\/)?[A-Za-z0-9.-]+(:\d{1,5})?(\/[A-Za-z0-9._/-]*)?$/,
    'expected a registry, like "https://mirror.example.com"',
  );

export const platformSettingsSchema = z.strictObject({
  /** Null: the pod is privileged (Docker-in-Docker). A class like `sysbox-runc` needs no privilege. */
  runtimeClass: optional(objectNameSchema),
  /** Null takes the image that the scheduler was installed with. */
  workerImage: optional(z.string().min(1).max(400)),
  storageClass: optional(objectNameSchema),
  snapshotClass: optional(objectNameSchema),
  serviceAccount: optional(objectNameSchema),
  nodeSelector: labelsSchema.default({}),
  tolerations: z.array(tolerationSchema).max(50).default([]),
  labels: labelsSchema.default({}),
  annotations: z.record(z.string().min(1).max(317), z.string().max(16_384)).default({}),
  /** Variables of the worker and of all containers that it starts. */
  env: envSchema.default({}),
  proxy: z
    .strictObject({
      http: optional(z.string().max(500)),
      https: optional(z.string().max(500)),
      no: optional(z.string().max(4000)),
    })
    .prefault({}),
  /** Mirrors of Docker Hub, first one first. */
  registryMirrors: z.array(registrySchema).max(10).default([]),
  /** `host:port` that may be spoken to without TLS. */
  insecureRegistries: z.array(registrySchema).max(50).default([]),
  /** Secrets of type kubernetes.io/dockerconfigjson: to pull the worker's image, and inside for the environments' images. */
  pullSecrets: z.array(objectNameSchema).max(10).default([]),
  /** Further certificate authorities, PEM: for registries, Git and our own server. */
  extraCa: optional(
    z
      .string()
      .max(1_000_000)
      .regex(/-----BEGIN CERTIFICATE-----/, 'expected certificates in PEM form'),
  ),
  /** A pod template in YAML, merged as data under what Easel sets itself. */
  podTemplate: optional(z.string().max(65_536)),
});
export type PlatformSettings = z.infer<typeof platformSettingsSchema>;
export type PlatformSettingsInput = z.input<typeof platformSettingsSchema>;

const featureSchema = z.object({
  isAvailable: z.boolean(),
  /** Why it is not, one sentence; null when it is. */
  reason: z.string().max(500).nullable(),
});

/** What a cluster can do, as its scheduler found out. */
export const platformFeaturesSchema = z.object({ snapshots: featureSchema, expansion: featureSchema });
export type PlatformFeatures = z.infer<typeof platformFeaturesSchema>;
