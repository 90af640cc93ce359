/** Everything that a scheduler reads from its environment. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { secret } from '@easel/kit/config';
import { z } from 'zod';

const beside = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const absolutePath = z.string().regex(/^\/[^\0]*$/, 'expected an absolute path');
const webSocketUrl = z.url({ protocol: /^wss?$/, error: 'expected a ws:// or wss:// address' });
const httpUrl = z.url({ protocol: /^https?$/, error: 'expected an http:// or https:// address' });

/** Of every kind of platform. */
const common = z.object({
  EASEL_SERVER_URL: httpUrl,
  EASEL_PLATFORM_TOKEN: secret(),
  /** Where clients reach the relay, and where workers do when that is another address. */
  EASEL_RELAY_URL: webSocketUrl,
  EASEL_WORKER_RELAY_URL: webSocketUrl.optional(),
  EASEL_SSH_HOST: z.string().min(1),
  EASEL_SSH_PORT: z.coerce.number().int().min(1).max(65_535),
  EASEL_LOG_LEVEL: z.string().default('info'),
  EASEL_HEALTH_HOST: z.string().min(1).default('127.0.0.1'),
  /** Zero takes any free port. */
  EASEL_HEALTH_PORT: z.coerce.number().int().min(0).max(65_535).default(0),
});

const local = common.extend({
  EASEL_PLATFORM_KIND: z.literal('local').default('local'),
  /** Workers, volumes and logs lie in its folder `local`. */
  EASEL_DATA_DIR: absolutePath,
  EASEL_LOCAL_RUNTIME: z.enum(['auto', 'docker', 'process']).default('auto'),
  EASEL_INSIDE_DIR: absolutePath.default(beside('worker-agent/dist/inside')),
  EASEL_LOCAL_USER: z
    .string()
    .regex(/^[a-z_][a-z0-9_-]{0,31}$/, 'expected the name of a user of this machine')
    .optional(),
  EASEL_WORKER_AGENT_DIR: absolutePath.default(beside('worker-agent')),
});

const kubernetes = common.extend({
  EASEL_PLATFORM_KIND: z.literal('kubernetes'),
  /** Where environments live; inside a cluster the scheduler's own namespace, if it is not given. */
  EASEL_KUBERNETES_NAMESPACE: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, 'expected the name of a namespace')
    .default(ownNamespace()),
  EASEL_KUBERNETES_WORKER_IMAGE: z.string().min(1).max(400),
  /** Where workers reach the server, if elsewhere. */
  EASEL_WORKER_SERVER_URL: httpUrl.optional(),
  /** Calls to the Kubernetes API per second in the long run. */
  EASEL_KUBERNETES_CALLS_PER_SECOND: z.coerce.number().int().min(5).max(1000).default(50),
  /** Outside a cluster. */
  KUBECONFIG: z.string().min(1).optional(),
});

export type LocalConfig = z.output<typeof local>;
export type KubernetesConfig = z.output<typeof kubernetes>;

/** One kind of platform, with all its keys: the other kind's are not asked for. */
export const config = process.env.EASEL_PLATFORM_KIND === 'kubernetes' ? kubernetes : local;
export type Config = LocalConfig | KubernetesConfig;

/** The namespace of the pod that we run in. Source: kubernetes.io/docs/tasks/run-application/access-api-from-pod. */
function ownNamespace(): string {
  try {
    return readFileSync('/var/run/secrets/kubernetes.io/serviceaccount/namespace', 'utf8').trim();
  } catch {
    return 'default';
  }
}

/** The machine's own variables, for workers: all but ours, npm's, and what would change how Node.js runs. */
export function machineVariables(env: NodeJS.ProcessEnv = process.env): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined && !/^(EASEL_|npm_|NODE_CHANNEL_|NODE_OPTIONS$)/.test(entry[0]),
    ),
  );
}
