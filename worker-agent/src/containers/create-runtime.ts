import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import type { Manifest } from '@easel/schema/wire/manifest';
import { type Config, forwardedEnv, machineEnv } from '../config.ts';
import type { Volume } from '../volume.ts';
import type { OwnDockerd } from './dockerd/own-dockerd.ts';
import { ProcessRuntime } from './process/process-runtime.ts';
import type { Runtime, RuntimeEvents } from './runtime.ts';

/** The runtime that the configuration names. Docker's code is loaded only where it is used: it is large. */
export async function createRuntime(options: {
  config: Config;
  manifest: Manifest;
  /** The daemon that the worker runs, if it does. */
  dockerd: OwnDockerd | null;
  volume: Volume;
  packDir: string;
  socketDir: string;
  events: RuntimeEvents;
  clock: Clock;
  log: Log;
}): Promise<Runtime> {
  const { config, manifest, dockerd, ...common } = options;
  if (config.EASEL_RUNTIME === 'docker') {
    const { DockerRuntime } = await import('./docker/docker-runtime.ts');
    return new DockerRuntime({
      ...common,
      manifest,
      dockerd,
      dockerHost: dockerd ? undefined : config.DOCKER_HOST,
      gifts: {
        env: forwardedEnv(config),
        caBundle: config.EASEL_EXTRA_CA_FILE === undefined ? null : (config.SSL_CERT_FILE ?? null),
      },
      credentialsDir: config.EASEL_REGISTRY_CREDENTIALS_DIR,
    });
  }
  return new ProcessRuntime({
    ...common,
    manifest,
    configuredUser: config.EASEL_LOCAL_USER,
    machineEnv: machineEnv(config),
  });
}
