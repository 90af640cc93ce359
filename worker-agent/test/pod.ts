/** Runs the worker's image as a cluster does: alone in a container, with privilege, a volume, secrets in files, SIGTERM at the end. */
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { FakeServer } from './fake-server.ts';

const checkout = join(import.meta.dirname, '../..');

export const docker = (...args: string[]): string =>
  execFileSync('docker', args, { encoding: 'utf8', stdio: 'pipe' }).trim();

/** Where containers of this machine's daemon reach the machine. */
export function machineAddress(): string {
  const option = '{{index .Options "com.docker.network.bridge.name"}}';
  const bridge = docker('network', 'inspect', 'bridge', '--format', option);
  // Not the gateway that the daemon names: the first daemon on a machine names none.
  const shown = execFileSync('ip', ['-4', '-json', 'address', 'show', 'dev', bridge], { encoding: 'utf8' });
  const [found] = JSON.parse(shown) as { addr_info: { local: string }[] }[];
  const address = found?.addr_info[0]?.local;
  if (!address) throw new Error(`Docker's bridge ${bridge} has no IPv4 address on this machine`);
  return address;
}

/** The worker's image of these sources, built when it is not there: minutes the first time, then seconds. */
export function workerImage(): string {
  const tag = 'test';
  execFileSync(process.execPath, ['docker/build.ts', '--make-base', '--only', 'worker', '--tag', tag], {
    cwd: checkout,
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 64 * 1024 * 1024,
  });
  return `easel-worker:${tag}`;
}

/** What `--privileged` gives, less the one right that not every machine has to give. */
const PRIVILEGE = [
  ...['--cap-add', 'ALL', '--cap-drop', 'SYS_RESOURCE', '--device-cgroup-rule', 'a *:* rwm'],
  ...['seccomp', 'apparmor', 'systempaths'].flatMap((name) => ['--security-opt', `${name}=unconfined`]),
];
/** The last of what it gives: cgroups that may be written to. */
const WRITABLE_CGROUPS =
  'for at in /sys/fs/cgroup /sys/fs/cgroup/*; do mount -o remount,rw,bind "$at"; done 2>/dev/null; exec "$@"';

export interface Pod {
  name: string;
  /** Runs a command in it. */
  exec(...command: string[]): string;
  logs(): string;
  /** As the end of a pod: SIGTERM, and no kill before the limit. Gives the exit code. */
  end(): Promise<number>;
  kill(): void;
  remove(): void;
}

export function startPod(options: {
  server: FakeServer;
  image: string;
  /** A folder of the machine, or the name of a volume. */
  volume: string;
  /** For what a cluster mounts at /run/easel. */
  secretsDir: string;
  /** Of the machine, read-only in the pod at the same place. */
  mounts?: string[];
  env?: Record<string, string>;
}): Pod {
  const { server, image, volume, secretsDir } = options;
  const { environmentId, workerId, generation } = server.manifest;
  const name = `easel-test-${workerId}`;
  mkdirSync(secretsDir, { recursive: true });
  writeFileSync(join(secretsDir, 'token'), `${server.token}\n`);
  const env = {
    EASEL_SERVER_URL: server.url,
    EASEL_ENVIRONMENT_ID: environmentId,
    EASEL_WORKER_ID: workerId,
    EASEL_GENERATION: String(generation),
    EASEL_WORKER_TOKEN_FILE: '/run/easel/token',
    EASEL_VOLUME_DIR: '/easel/volume',
    EASEL_RUNTIME: 'docker',
    EASEL_DOCKERD: 'own',
    ...options.env,
  };
  docker(
    ...['run', '--detach', ...PRIVILEGE, '--name', name, '--label', 'easel.test=pod', '--entrypoint', 'tini'],
    ...['--volume', `${volume}:/easel/volume`, '--volume', `${secretsDir}:/run/easel:ro`],
    ...(options.mounts ?? []).flatMap((dir) => ['--volume', `${dir}:${dir}:ro`]),
    ...Object.entries(env).flatMap(([key, value]) => ['--env', `${key}=${value}`]),
    ...[image, '--', 'sh', '-c', WRITABLE_CGROUPS, 'sh', 'node', 'worker-agent/src/main.ts'],
  );
  return {
    name,
    exec: (...command) => docker('exec', name, ...command),
    logs: () => {
      const { stdout, stderr } = spawnSync('docker', ['logs', name], { encoding: 'utf8' });
      return `${stdout}${stderr}`;
    },
    async end() {
      // The server that the worker takes its leave of is in this process.
      await promisify(execFile)('docker', ['stop', '--time', '60', name]);
      return Number(docker('inspect', '--format', '{{.State.ExitCode}}', name));
    },
    kill: () => void docker('kill', name),
    remove: () => void spawnSync('docker', ['rm', '--force', '--volumes', name]),
  };
}
