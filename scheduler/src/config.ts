/** Everything that a scheduler reads from its environment. */
import { fileURLToPath } from 'node:url';
import { secret } from '@easel/kit/config';
import { z } from 'zod';

const beside = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const absolutePath = z.string().regex(/^\/[^\0]*$/, 'expected an absolute path');
const webSocketUrl = z.url({ protocol: /^wss?$/, error: 'expected a ws:// or wss:// address' });

export const config = z.object({
  EASEL_SERVER_URL: z.url({ protocol: /^https?$/, error: 'expected an http:// or https:// address' }),
  EASEL_PLATFORM_TOKEN: secret(),
  EASEL_PLATFORM_KIND: z.literal('local').default('local'),
  /** Workers, volumes and logs lie in its folder `local`. */
  EASEL_DATA_DIR: absolutePath,
  /** Where clients reach the relay, and where workers do when that is another address. */
  EASEL_RELAY_URL: webSocketUrl,
  EASEL_WORKER_RELAY_URL: webSocketUrl.optional(),
  EASEL_SSH_HOST: z.string().min(1),
  EASEL_SSH_PORT: z.coerce.number().int().min(1).max(65_535),
  EASEL_LOCAL_RUNTIME: z.enum(['auto', 'docker', 'process']).default('auto'),
  EASEL_INSIDE_DIR: absolutePath.default(beside('worker-agent/dist/inside')),
  EASEL_LOCAL_USER: z
    .string()
    .regex(/^[a-z_][a-z0-9_-]{0,31}$/, 'expected the name of a user of this machine')
    .optional(),
  EASEL_LOG_LEVEL: z.string().default('info'),
  /** Zero takes any free port. */
  EASEL_HEALTH_PORT: z.coerce.number().int().min(0).max(65_535).default(0),
  EASEL_WORKER_AGENT_DIR: absolutePath.default(beside('worker-agent')),
});
export type Config = z.output<typeof config>;

/** The machine's own variables, for workers: all but ours, npm's, and what would change how Node.js runs. */
export function machineVariables(env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined && !/^(EASEL_|npm_|NODE_CHANNEL_|NODE_OPTIONS$)/.test(entry[0]),
    ),
  );
}
