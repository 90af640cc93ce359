/** What an environment gets of a platform: made by a system administrator, offered by templates, chosen by people. */
import { z } from 'zod';
import { nameSchema } from './names.ts';

const GIB = 1024 ** 3;

/** The name of a Kubernetes object. Source: RFC 1123 §2.1 as Kubernetes reads it (DNS subdomain). */
export const objectNameSchema = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'expected the name of a Kubernetes object, like "standard-rwo"');

/** A label's key, with or without a prefix, and its value. */
export const labelsSchema = z.record(
  z
    .string()
    .regex(
      /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/,
      'expected a label key',
    ),
  z.string().regex(/^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/, 'expected a label value'),
);

const optional = <S extends z.ZodType>(schema: S) => schema.nullish().transform((value) => value ?? null);

export const instanceTypeSpecSchema = z.strictObject({
  name: nameSchema,
  description: z.string().max(500).default(''),
  /** Cores, in thousandths at the finest; null leaves it to the platform. */
  cpus: optional(z.number().min(0.05).max(1024).multipleOf(0.001)),
  memoryBytes: optional(
    z
      .number()
      .int()
      .min(128 * 1024 ** 2)
      .max(24_576 * GIB),
  ),
  /** The size of a new environment's volume. */
  diskBytes: z
    .number()
    .int()
    .min(GIB)
    .max(65_536 * GIB)
    .default(20 * GIB),
  gpus: z.number().int().min(0).max(64).default(0),
  /** The extended resource that a GPU is asked for by. */
  gpuResource: z
    .string()
    .max(253)
    .regex(/^[a-z0-9.-]+\/[A-Za-z0-9._-]+$/)
    .default('nvidia.com/gpu'),
  /** Null takes the platform's, then the cluster's default class. */
  storageClass: optional(objectNameSchema),
  zone: optional(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'expected a zone, like "eu-west-1a"')),
  nodeSelector: labelsSchema.default({}),
  /** Cloud policy: the Kubernetes service account whose identity the worker's pod has. */
  serviceAccount: optional(objectNameSchema),
});
export type InstanceTypeSpec = z.infer<typeof instanceTypeSpecSchema>;
export type InstanceTypeSpecInput = z.input<typeof instanceTypeSpecSchema>;
