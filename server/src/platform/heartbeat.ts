/** What a scheduler says of its platform with each heartbeat, and a jump of itself: parsed at the door. */
import { platformFeaturesSchema } from '@easel/schema/platform-settings';
import { z } from 'zod';

const optional = <S extends z.ZodType>(schema: S) => schema.nullish().transform((value) => value ?? null);

const address = (protocols: RegExp) => optional(z.url({ protocol: protocols }).max(500));

const storageClassSchema = z.object({
  name: z.string().min(1).max(253),
  isDefault: z.boolean(),
  canExpand: z.boolean(),
  provisioner: z.string().max(253),
});

export const platformHeartbeatSchema = z.object({
  version: optional(z.string().max(50)),
  kind: z.string().min(1).max(50),
  runtime: optional(z.enum(['docker', 'process'])),
  relayUrl: address(/^wss?$|^https?$/),
  workerRelayUrl: address(/^wss?$|^https?$/),
  sshHost: optional(z.string().regex(/^[A-Za-z0-9.:_-]{1,255}$/, 'expected a host name or an address')),
  sshPort: optional(z.number().int().min(1).max(65_535)),
  notice: optional(z.string().max(1000)),
  isIsolated: z
    .boolean()
    .nullish()
    .transform((isIsolated) => isIsolated ?? true),
  clusterVersion: optional(z.string().max(100)),
  features: optional(platformFeaturesSchema),
  storageClasses: optional(z.array(storageClassSchema).max(500)),
  problems: optional(z.array(z.string().max(1000)).max(50)).transform((problems) => problems ?? []),
  settingsVersion: optional(z.number().int().min(0)),
  settingsProblem: optional(z.string().max(2000)),
});

/** `algorithm base64`, no comment. Source: RFC 4253 §6.6, as OpenSSH writes it. */
export const jumpHeartbeatSchema = z.object({
  sshHostKeys: z
    .array(
      z
        .string()
        .max(16_384)
        .regex(/^[a-z0-9@.-]{1,100} [A-Za-z0-9+/]+={0,3}$/, 'expected a public key: "algorithm base64"'),
    )
    .max(10),
});
