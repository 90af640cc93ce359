/** The processes beside PostgreSQL: what each is told, and how it is run. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { SecretFiles } from './secrets.ts';
import type { Program } from './supervised.ts';

export const SERVICE_NAMES = ['server', 'scheduler', 'relay', 'jump'] as const;
export type ServiceName = (typeof SERVICE_NAMES)[number];

/** All that the services' variables are made from. */
export interface Installation {
  checkout: string;
  dataDir: string;
  /** The address to listen on, and the ones that people and processes of this machine dial. */
  listenHost: string;
  publicHost: string;
  localHost: string;
  ports: { server: number; ssh: number; relay: number };
  secrets: SecretFiles;
  /** A file with the address of the database; null when the caller's own environment names it. */
  databaseUrlFile: string | null;
  runtime: 'auto' | 'docker' | 'process';
  insideDir: string;
  /** Who runs plain-process environments when root started Easel. */
  localUser: string | null;
  sample: { repositoryUrl: string; image: string | null };
  isVerbose: boolean;
}

type Variables = Record<string, string | undefined>;

/** The variable that tells our processes from those of another installation: the data folder. */
export const SUPERVISOR_VARIABLE = 'EASEL_SUPERVISOR';
/** Shorter than what the supervisor waits before it kills. */
const stopLimitMs = 8_000;

export function httpUrl(host: string, port: number): string {
  return `http://${bracketed(host)}:${port}`;
}

export function relayUrl(host: string, port: number): string {
  return `ws://${bracketed(host)}:${port}`;
}

/** The variables of each service. Secrets are handed over as files, so that no process listing shows them. */
export function serviceVariables(installation: Installation): Record<ServiceName, Variables> {
  const { dataDir, listenHost, publicHost, localHost, ports, secrets, sample } = installation;
  const listen = (port: number) => ({ EASEL_HOST: listenHost, EASEL_PORT: String(port) });
  const toServer = { EASEL_SERVER_URL: httpUrl(localHost, ports.server) };
  const asPlatform = { ...toServer, EASEL_PLATFORM_TOKEN_FILE: secrets['platform-token'] };
  const ownStore = process.env.EASEL_OBJECT_STORE
    ? {}
    : { EASEL_OBJECT_STORE: 'files', EASEL_OBJECT_STORE_DIR: join(dataDir, 'objects') };
  return {
    server: {
      ...listen(ports.server),
      ...ownStore,
      EASEL_PUBLIC_URL: httpUrl(publicHost, ports.server),
      ...databaseVariables(installation),
      EASEL_SECRET_KEY_FILE: secrets['server-key'],
      EASEL_LOCAL_PLATFORM_TOKEN_FILE: secrets['platform-token'],
      EASEL_ADMIN_TOKEN_FILE: secrets['admin-token'],
      EASEL_SIGN_IN_LINK: '1',
      EASEL_SAMPLE_REPOSITORY_URL: sample.repositoryUrl,
      ...(sample.image ? { EASEL_SAMPLE_IMAGE: sample.image, EASEL_DEFAULT_IMAGE: sample.image } : {}),
    },
    scheduler: {
      ...asPlatform,
      EASEL_PLATFORM_KIND: 'local',
      EASEL_DATA_DIR: dataDir,
      EASEL_RELAY_URL: relayUrl(publicHost, ports.relay),
      EASEL_WORKER_RELAY_URL: relayUrl(localHost, ports.relay),
      EASEL_SSH_HOST: publicHost,
      EASEL_SSH_PORT: String(ports.ssh),
      EASEL_LOCAL_RUNTIME: installation.runtime,
      EASEL_INSIDE_DIR: installation.insideDir,
      ...(installation.localUser ? { EASEL_LOCAL_USER: installation.localUser } : {}),
    },
    relay: { ...listen(ports.relay), ...toServer },
    jump: { ...listen(ports.ssh), ...asPlatform, EASEL_HOST_KEY_DIR: join(dataDir, 'jump'), EASEL_HEALTH_PORT: '0' },
  };
}

export function databaseVariables({ databaseUrlFile }: Pick<Installation, 'databaseUrlFile'>): Variables {
  return databaseUrlFile ? { EASEL_DATABASE_URL_FILE: databaseUrlFile } : {};
}

/** A program of this checkout: ready when it says so over its IPC channel, and over when that channel's other end dies. */
export function nodeProgram(
  name: string,
  file: string,
  variables: Variables,
  installation: Pick<Installation, 'checkout' | 'dataDir' | 'isVerbose'>,
): Program {
  const env: Variables = {
    ...process.env,
    EASEL_LOG_LEVEL: installation.isVerbose ? 'debug' : process.env.EASEL_LOG_LEVEL,
    EASEL_STOP_LIMIT_MS: String(stopLimitMs),
    // Sources without their types, compiled: the second start is quicker by a second. Source: Node.js, "module compile cache".
    NODE_COMPILE_CACHE: join(installation.checkout, 'node_modules/.cache/node'),
    ...variables,
    EASEL_EXIT_WITH_PARENT: '1',
    [SUPERVISOR_VARIABLE]: installation.dataDir,
  };
  return {
    name,
    launch: () =>
      spawn(process.execPath, [join(installation.checkout, file)], {
        cwd: installation.checkout,
        env,
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      }),
    ready: announced,
    signals: { soft: 'SIGTERM', hard: 'SIGKILL' },
  };
}

function announced(child: ChildProcess): Promise<Record<string, unknown>> {
  return new Promise((resolve) => {
    child.on('message', (message: Record<string, unknown> | null) => {
      if (message?.type === 'ready') resolve(message);
    });
  });
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
