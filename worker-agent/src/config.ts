/** Everything that a worker reads from its environment. */
import { join } from 'node:path';
import { readConfig, secret } from '@easel/kit/config';
import { idSchema } from '@easel/schema/ids';
import { envSchema } from '@easel/schema/template';
import { z } from 'zod';

const absolutePath = z.string().regex(/^\/[^\0]*$/, 'expected an absolute path');
const optional = z.string().optional();

/** What the machine tells the programs that it runs: handed on to git and to plain processes, nothing else is. */
const MACHINE_VARIABLES = {
  PATH: optional,
  TZ: optional,
  HTTP_PROXY: optional,
  HTTPS_PROXY: optional,
  NO_PROXY: optional,
  ALL_PROXY: optional,
  http_proxy: optional,
  https_proxy: optional,
  no_proxy: optional,
  all_proxy: optional,
  SSL_CERT_FILE: optional,
  SSL_CERT_DIR: optional,
  GIT_SSL_CAINFO: optional,
};

/** A variable that holds JSON. */
function json<S extends z.ZodType>(schema: S) {
  return z
    .string()
    .transform((text, context): unknown => {
      try {
        return JSON.parse(text);
      } catch {
        context.addIssue({ code: 'custom', message: 'expected JSON' });
        return z.NEVER;
      }
    })
    .pipe(schema);
}

/** What a daemon of our own is told. Registries as `host[:port]`, with or without a scheme. */
const dockerdSchema = z.object({
  registryMirrors: z.array(z.string().max(400)).max(10).default([]),
  insecureRegistries: z.array(z.string().max(400)).max(50).default([]),
});
export type DockerdConfig = z.output<typeof dockerdSchema>;

export const configSchema = z.object({
  EASEL_SERVER_URL: z.url({ protocol: /^(https?|wss?)$/, error: 'expected an http:// or https:// address' }),
  EASEL_ENVIRONMENT_ID: idSchema('environment'),
  EASEL_WORKER_ID: idSchema('worker'),
  EASEL_GENERATION: z.coerce.number().int().min(1),
  /** Proves the first hello; worth nothing after it. */
  EASEL_WORKER_TOKEN: secret(),
  /** The folder that lasts as long as the environment. */
  EASEL_VOLUME_DIR: absolutePath,
  EASEL_RUNTIME: z.enum(['docker', 'process']),
  /** The pack that `npm run build -w @easel/worker-agent` makes. */
  EASEL_INSIDE_DIR: absolutePath,
  /** Who plain processes run as when the agent is root. */
  EASEL_LOCAL_USER: z
    .string()
    .regex(/^[a-z_][a-z0-9_-]{0,31}$/, 'expected the name of a user of this machine')
    .optional(),
  DOCKER_HOST: optional,
  /** `own`: the worker is alone in a container and runs a Docker daemon in it; else one is there, or none is needed. */
  EASEL_DOCKERD: z.enum(['given', 'own']).default('given'),
  EASEL_DOCKERD_CONFIG: json(dockerdSchema).default({ registryMirrors: [], insecureRegistries: [] }),
  /** Folders with a `config.json` each, as Docker's client keeps its sign-ins. */
  EASEL_REGISTRY_CREDENTIALS_DIR: absolutePath.optional(),
  /** Further certificate authorities in PEM form. Where it is named, SSL_CERT_FILE holds these and the machine's. */
  EASEL_EXTRA_CA_FILE: absolutePath.optional(),
  /** Variables of the platform for all containers. */
  EASEL_FORWARDED_ENV: json(envSchema).default({}),
  ...MACHINE_VARIABLES,
});
export type Config = z.output<typeof configSchema>;

/** The machine's own variables that programs outside of containers are started with. */
export function machineEnv(config: Config): Record<string, string> {
  const env: Record<string, string> = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };
  for (const name of Object.keys(MACHINE_VARIABLES) as (keyof typeof MACHINE_VARIABLES)[]) {
    const value = config[name];
    if (value !== undefined) env[name] = value;
  }
  return env;
}

const PROXY_VARIABLES = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'ALL_PROXY'] as const;

/** What every container starts with beside what its image says: in a container of our own, its proxies; the platform's. */
export function forwardedEnv(config: Config): Record<string, string> {
  const env: Record<string, string> = {};
  for (const name of config.EASEL_DOCKERD === 'own' ? PROXY_VARIABLES : []) {
    const lower = name.toLowerCase() as Lowercase<typeof name>;
    const value = config[name] ?? config[lower];
    if (value !== undefined) Object.assign(env, { [name]: value, [lower]: value });
  }
  return { ...env, ...config.EASEL_FORWARDED_ENV };
}

const cleanupSchema = z.object({
  EASEL_INSIDE_DIR: absolutePath.default(join(import.meta.dirname, '../dist/inside')),
  DOCKER_HOST: optional,
});

/** What a clean-up reads from its environment. Throws `ConfigError`. */
export function readCleanupConfig(): z.output<typeof cleanupSchema> {
  return readConfig(cleanupSchema);
}
