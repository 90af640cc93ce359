/** The command line of the Docker daemon of a worker. Source: dockerd(8). */
import type { DockerdConfig } from '../../config.ts';

/** Not on the volume: what a killed daemon leaves here is gone with the container, or removed before the next start. */
export const RUN_DIR = '/run/easel-dockerd';
export const PID_FILE = '/run/easel-dockerd.pid';
export const SOCKET = '/var/run/docker.sock';

export type StorageDriver = 'overlay2' | 'fuse-overlayfs' | 'vfs';

export function daemonArguments(options: {
  dataRoot: string;
  storageDriver: StorageDriver;
  /** Of the way out; null when not known. */
  mtu: number | null;
  config: DockerdConfig;
}): string[] {
  const { dataRoot, storageDriver, mtu, config } = options;
  return [
    ...['--data-root', dataRoot, '--exec-root', RUN_DIR, '--pidfile', PID_FILE, '--host', `unix://${SOCKET}`],
    ...['--storage-driver', storageDriver, '--exec-opt', 'native.cgroupdriver=cgroupfs', '--log-level', 'warn'],
    ...(mtu === null ? [] : ['--mtu', String(mtu)]),
    ...config.registryMirrors.flatMap((mirror) => ['--registry-mirror', mirrorUrl(mirror, config)]),
    ...config.insecureRegistries.flatMap((registry) => ['--insecure-registry', withoutScheme(registry)]),
  ];
}

/** A mirror has a scheme; one without is spoken to as its host may be. */
function mirrorUrl(mirror: string, config: DockerdConfig): string {
  if (/^https?:\/\//.test(mirror)) return mirror;
  const [host] = mirror.split('/', 1);
  const isInsecure = config.insecureRegistries.some((registry) => withoutScheme(registry) === host);
  return `${isInsecure ? 'http' : 'https'}://${mirror}`;
}

/** `host[:port]`, or a network like `10.0.0.0/8`. */
function withoutScheme(registry: string): string {
  return registry.replace(/^https?:\/\//, '').replace(/\/$/, '');
}
