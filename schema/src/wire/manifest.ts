/** All that a worker needs, told at once: nobody calls back to ask for more. */
import { z } from 'zod';
import { idSchema } from '../ids.ts';
import { branchSchema, nameSchema } from '../names.ts';
import { envSchema, gitUrlSchema, imageSchema, scriptSchema, sidecarSchema } from '../template.ts';

export const authorizedKeySchema = z.object({
  /** One line in OpenSSH's form: `ssh-ed25519 AAAA…`, without options or comment. */
  publicKey: z.string().max(16_384),
  userId: idSchema('user'),
  /** What tickets name as their `credentialId`; servers before 0.2 leave it out. */
  id: z.string().max(64).optional(),
  /** From then on it enters nothing: the worker's own clock counts. */
  expiresAt: z.iso.datetime().optional(),
  /** Of a security key: signs only for who has given a PIN or a finger. */
  verifyRequired: z.boolean().optional(),
});
export type AuthorizedKey = z.infer<typeof authorizedKeySchema>;

export const certificateAuthoritiesSchema = z.array(z.string().max(200)).max(20).default([]);

/** The dev container's shares of the machine; null leaves it to the platform. */
export const resourcesSchema = z.object({
  cpus: z.number().positive().nullable(),
  memoryBytes: z.number().int().positive().nullable(),
});

export const manifestSchema = z.object({
  environmentId: idSchema('environment'),
  environmentName: nameSchema,
  workerId: idSchema('worker'),
  generation: z.number().int().min(1),
  /** The owner's login, for git's default author. */
  owner: z.object({ login: z.string(), name: z.string(), email: z.string().nullable() }),
  sources: z.object({ url: gitUrlSchema, branch: branchSchema.nullable() }),
  projectRoot: z.string(),
  image: imageSchema.nullable(),
  env: envSchema,
  scripts: z.object({
    init: scriptSchema.nullable(),
    start: scriptSchema.nullable(),
    stop: scriptSchema.nullable(),
  }),
  sidecars: z.array(sidecarSchema),
  idePort: z.number().int().min(1).max(65_535).nullable(),
  resources: resourcesSchema,
  /** Private host key of the environment's SSH side (OpenSSH PEM): the same at every start. */
  sshHostKey: z.string(),
  authorizedKeys: z.array(authorizedKeySchema),
  /** Whose SSH certificates are good, `ssh-ed25519 AAAA…` each; servers before 0.2 leave it out. */
  certificateAuthorities: certificateAuthoritiesSchema,
  /** Time limits of the steps that have no limit of their own. */
  limits: z.object({
    imageSeconds: z.number().int().positive(),
    sourcesSeconds: z.number().int().positive(),
    containersSeconds: z.number().int().positive(),
  }),
});
export type Manifest = z.infer<typeof manifestSchema>;
