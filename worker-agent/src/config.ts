/** Everything that a worker reads from its environment. */
import { join } from 'node:path';
import { readConfig, secret } from '@easel/kit/config';
import { idSchema } from '@easel/schema/ids';
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

const cleanupSchema = z.object({
  EASEL_INSIDE_DIR: absolutePath.default(join(import.meta.dirname, '../dist/inside')),
  DOCKER_HOST: optional,
});

/** What a clean-up reads from its environment. Throws `ConfigError`. */
export function readCleanupConfig(): z.output<typeof cleanupSchema> {
  return readConfig(cleanupSchema);
}
