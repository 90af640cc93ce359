/** What a template says. The same shape in the API's input, in `easel template create --file`, and in the manifest. */
import { z } from 'zod';
import { branchSchema, nameSchema } from './names.ts';

/** A user or host that begins with "-" would be an option to ssh. */
const GIT_URL =
  /^((https?|ssh):\/\/(?![-/])(?![^/]*@-)|file:\/\/\/|(?!-)[A-Za-z0-9._-]+@(?!-)[A-Za-z0-9.-]+:)[^\s\p{Cc}]+$/u;

/** A Git repository: http(s), ssh (both spellings) or file URL. Never an option, never a transport helper (`ext::`). */
export const gitUrlSchema = z
  .string()
  .max(2000)
  .regex(GIT_URL, 'expected a Git URL: https://…, ssh://…, user@host:path or file:///…')
  .refine((url) => !url.includes('::') || url.includes('['), 'transport helpers such as ext:: are not accepted');

export const imageSchema = z
  .string()
  .max(400)
  .regex(
    /^[a-z0-9]([A-Za-z0-9._:/@-]*[A-Za-z0-9])?$/,
    'expected an image reference like debian:12 or registry.example.com/team/image:tag',
  );

export const envSchema = z.record(
  z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'expected a variable name')
    .max(200),
  z.string().max(32_768),
);

const portSchema = z.number().int().min(1).max(65_535);

/** A lifecycle script: run by `sh -c` in the project's root, as the environment's user. */
export const scriptSchema = z.object({
  run: z.string().min(1).max(65_536),
  timeoutSeconds: z.number().int().min(1).max(86_400).default(600),
});

export const sidecarSchema = z.object({
  name: nameSchema,
  image: imageSchema,
  env: envSchema.default({}),
  command: z.array(z.string().max(4096)).max(100).optional(),
});

/** Fields with defaults may be left out of the input. Unknown keys are refused by name. */
export const templateSpecSchema = z.strictObject({
  name: nameSchema,
  description: z.string().max(2000).default(''),
  repository: z.strictObject({
    url: gitUrlSchema,
    branch: branchSchema.nullish().transform((branch) => branch ?? null),
  }),
  /** The folder of the project inside the clone; "" is the clone itself. */
  projectRoot: z
    .string()
    .max(400)
    .regex(/^(?!\/)(?!.*\.\.)\P{Cc}*$/u, 'expected a relative path without ".."')
    .default(''),
  /** The dev container's image; null takes the installation's default. Without Docker it is not used. */
  image: imageSchema.nullish().transform((image) => image ?? null),
  env: envSchema.default({}),
  scripts: z
    .strictObject({ init: scriptSchema.nullish(), start: scriptSchema.nullish(), stop: scriptSchema.nullish() })
    .default({}),
  sidecars: z.array(sidecarSchema).max(10).default([]),
  idePort: portSchema.nullish().transform((port) => port ?? null),
  /** Minutes without activity after which the environment is stopped; 0 never. */
  inactivityMinutes: z.number().int().min(0).max(10_080).default(30),
  /** Names of the instance types that it offers, the default one first; empty offers all. */
  instanceTypes: z.array(nameSchema).max(50).default([]),
});
export type TemplateSpec = z.infer<typeof templateSpecSchema>;
export type TemplateSpecInput = z.input<typeof templateSpecSchema>;
