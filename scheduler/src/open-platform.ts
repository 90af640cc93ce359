/** Opens the platform that the configuration names, behind the one interface. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { ServiceContext } from '@easel/kit/service';
import type { PlatformAnswer } from './api.ts';
import { type Config, type KubernetesConfig, type LocalConfig, machineVariables } from './config.ts';
import { LocalPlatform } from './local/local-platform.ts';
import { lockPlatform } from './local/lock.ts';
import type { Platform } from './platform.ts';

export interface OpenPlatform {
  platform: Platform;
  /** Who holds the leases. */
  claimedBy: string;
  /** Takes the answer to a heartbeat. True when the server should be told anew. */
  adopt(answer: PlatformAnswer): Promise<boolean>;
  /** Resolves when what is there has been read: before that nothing may be decided. */
  synced(): Promise<void>;
  /** Called every second: some things change without telling. */
  look(): void;
}

export async function openPlatform(context: ServiceContext<Config>): Promise<OpenPlatform> {
  const { config } = context;
  return config.EASEL_PLATFORM_KIND === 'kubernetes' ? openKubernetes(config, context) : openLocal(config, context);
}

async function openLocal(config: LocalConfig, context: ServiceContext<Config>): Promise<OpenPlatform> {
  const { log, clock, stop } = context;
  const lock = await lockPlatform(config.EASEL_DATA_DIR);
  stop.add('lock', () => lock.release());
  const agent = config.EASEL_WORKER_AGENT_DIR;
  const platform = new LocalPlatform({
    dataDir: config.EASEL_DATA_DIR,
    runtime: config.EASEL_LOCAL_RUNTIME,
    programs: { main: join(agent, 'src/main.ts'), cleanup: join(agent, 'src/cleanup.ts') },
    surroundings: {
      serverUrl: config.EASEL_SERVER_URL,
      insideDir: config.EASEL_INSIDE_DIR,
      localUser: config.EASEL_LOCAL_USER,
      logLevel: config.EASEL_LOG_LEVEL,
      machine: machineVariables(),
    },
    log,
    clock,
    signal: stop.signal,
  });
  return {
    platform,
    claimedBy: `local:${hostname()}:${config.EASEL_DATA_DIR}`.slice(0, 200),
    // Its settings are this machine's own.
    adopt: async () => false,
    synced: async () => undefined,
    look: () => platform.look(),
  };
}

/** Loaded only where it is needed: the library takes its time. */
async function openKubernetes(config: KubernetesConfig, context: ServiceContext<Config>): Promise<OpenPlatform> {
  const { log, clock, metrics, stop } = context;
  const { signal } = stop;
  const { ApiServer, loadKubeConfig } = await import('./kubernetes/api-server.ts');
  const { KubernetesPlatform } = await import('./kubernetes/kubernetes-platform.ts');
  const perSecond = config.EASEL_KUBERNETES_CALLS_PER_SECOND;
  const rate = { perSecond, burst: 2 * perSecond };
  const api = new ApiServer({ config: loadKubeConfig(config.KUBECONFIG), clock, signal, rate });
  const namespace = config.EASEL_KUBERNETES_NAMESPACE;
  const surroundings = {
    workerImage: config.EASEL_KUBERNETES_WORKER_IMAGE,
    serverUrl: config.EASEL_WORKER_SERVER_URL ?? config.EASEL_SERVER_URL,
    logLevel: config.EASEL_LOG_LEVEL,
  };
  const platform = new KubernetesPlatform({ api, namespace, surroundings, log, clock, metrics, signal });
  stop.add('informers', () => platform.ended());
  return {
    platform,
    // Each pod of ours is somebody else: of two that are alive for a moment only one holds a lease.
    claimedBy: `kubernetes:${namespace}:${hostname()}`.slice(0, 200),
    adopt: (answer) => platform.adopt(answer),
    synced: () => platform.synced(),
    look: () => platform.look(),
  };
}
