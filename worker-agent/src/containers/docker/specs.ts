/** What the daemon is asked for, as data. */
import type { EnvironmentId, WorkerId } from '@easel/schema/ids';
import type { Manifest } from '@easel/schema/wire/manifest';
import type { ContainerCreateOptions, MountSettings, NetworkCreateOptions } from 'dockerode';
import { trustVariables } from '../../trust.ts';
import type { Inhabitant } from '../runtime.ts';
import { LABELS } from './daemon.ts';
import { keepAlive, programCommand, STOP_SIGNAL } from './programs.ts';
import { PACK_INSIDE } from './run-once.ts';

/** Where the dev container sees the agent's sockets. */
export const SOCKETS_INSIDE = '/.easel-run';
/**
 * One network for all environments of the machine, on which containers do not see each other: Docker has room for about
 * thirty networks only. Within an environment everything shares the dev container's network.
 */
export const NETWORK = 'easel';
const BRIDGE = 'easel0';
export const DEV = 'dev';

/** A fork bomb ends here; a large build does not come near. */
const maxProcesses = 16_384;
/** Docker's own copy of the logs: we have ours. */
const LOG_CONFIG = { Type: 'json-file', Config: { 'max-size': '1m', 'max-file': '1' } };
/** Of Docker's usual capabilities, those that development does not need: making devices and forging packets. */
const DROPPED = ['MKNOD', 'NET_RAW', 'AUDIT_WRITE'];

/** What the platform gives to every container of an environment. */
export interface PlatformGifts {
  /** Variables, proxies among them. */
  env: Readonly<Record<string, string>>;
  /** A file with the certificate authorities to trust; null leaves that to the image. */
  caBundle: string | null;
}

/** Where containers see that file. */
const CA_INSIDE = '/.easel-ca.crt';
const NOT_PROXIED = ['localhost', '127.0.0.1', '::1'];

/** The variables that an environment's containers get from the platform. What is local to them needs no proxy. */
export function giftedEnv(gifts: PlatformGifts, manifest: Pick<Manifest, 'sidecars'>): Record<string, string> {
  const env: Record<string, string> = { ...(gifts.caBundle === null ? {} : trustVariables(CA_INSIDE)), ...gifts.env };
  if (!Object.keys(env).some((name) => /^(https?|all)_proxy$/i.test(name))) return env;
  const own = [...NOT_PROXIED, ...manifest.sidecars.map(({ name }) => name)];
  for (const name of ['NO_PROXY', 'no_proxy']) {
    const given = (env[name] ?? '').split(',').filter(Boolean);
    env[name] = [...new Set([...given, ...own])].join(',');
  }
  return env;
}

function caMount({ caBundle }: PlatformGifts): MountSettings[] {
  return caBundle === null ? [] : [{ Type: 'bind', Source: caBundle, Target: CA_INSIDE, ReadOnly: true }];
}

function variables(env: Readonly<Record<string, string>>): string[] {
  return Object.entries(env).map(([name, value]) => `${name}=${value}`);
}

export function containerName(environmentId: EnvironmentId, name: string): string {
  return `easel-${environmentId}-${name}`;
}

export function labelsOf(ids: { environmentId: EnvironmentId; workerId: WorkerId }, role: string) {
  return { [LABELS.environment]: ids.environmentId, [LABELS.worker]: ids.workerId, [LABELS.role]: role };
}

export function networkSpec(): NetworkCreateOptions {
  return {
    Name: NETWORK,
    Driver: 'bridge',
    CheckDuplicate: true,
    // The bridge's name makes a second network of this name impossible, whoever is quicker.
    Options: { 'com.docker.network.bridge.name': BRIDGE, 'com.docker.network.bridge.enable_icc': 'false' },
    Labels: { 'easel.network': 'shared' },
  };
}

/** The dev container: the image as it is, the home on the volume, and a main process of ours that only waits. */
export function devSpec(parts: {
  manifest: Manifest;
  image: string;
  inhabitant: Inhabitant;
  homeDir: string;
  packDir: string;
  socketDir: string;
  gifts: PlatformGifts;
}): ContainerCreateOptions {
  const { manifest, inhabitant, gifts } = parts;
  const { cpus, memoryBytes } = manifest.resources;
  return {
    name: containerName(manifest.environmentId, DEV),
    Image: parts.image,
    Hostname: manifest.environmentName,
    Entrypoint: programCommand(PACK_INSIDE, keepAlive, { stopSignal: STOP_SIGNAL }),
    Cmd: [],
    Env: variables({ ...giftedEnv(gifts, manifest), HOME: inhabitant.home }),
    WorkingDir: '/',
    StopSignal: STOP_SIGNAL,
    Healthcheck: { Test: ['NONE'] },
    Labels: labelsOf(manifest, DEV),
    HostConfig: {
      // Reaps what loses its parent.
      Init: true,
      NetworkMode: NETWORK,
      // Sidecars share this network: they are at localhost, and at their names.
      ExtraHosts: manifest.sidecars.map(({ name }) => `${name}:127.0.0.1`),
      Mounts: [
        { Type: 'bind', Source: parts.packDir, Target: PACK_INSIDE, ReadOnly: true },
        { Type: 'bind', Source: parts.socketDir, Target: SOCKETS_INSIDE },
        { Type: 'bind', Source: parts.homeDir, Target: inhabitant.home },
        ...caMount(gifts),
      ],
      CapDrop: DROPPED,
      PidsLimit: maxProcesses,
      LogConfig: LOG_CONFIG,
      ...(cpus === null ? {} : { NanoCpus: Math.round(cpus * 1e9) }),
      ...(memoryBytes === null ? {} : { Memory: memoryBytes, MemorySwap: memoryBytes }),
    },
  };
}

/** A sidecar: its image's own program, in the dev container's network. What it writes to its disk does not last. */
export function sidecarSpec(
  manifest: Manifest,
  sidecar: Manifest['sidecars'][number],
  gifts: PlatformGifts,
): ContainerCreateOptions {
  return {
    name: containerName(manifest.environmentId, `sidecar-${sidecar.name}`),
    Image: sidecar.image,
    Env: variables({ ...giftedEnv(gifts, manifest), ...sidecar.env }),
    ...(sidecar.command ? { Cmd: sidecar.command } : {}),
    Labels: labelsOf(manifest, 'sidecar'),
    HostConfig: {
      NetworkMode: `container:${containerName(manifest.environmentId, DEV)}`,
      Mounts: caMount(gifts),
      CapDrop: DROPPED,
      PidsLimit: maxProcesses,
      LogConfig: LOG_CONFIG,
    },
  };
}
