/**
 * The whole product with a real cluster: server and relay of a stack on this machine, and for the platform `kubernetes` a
 * scheduler and a jump as an administrator connects them, with a namespace of its own. Environments are pods of the cluster;
 * their dev containers run inside, of an image that their own Docker daemons pull from a registry on this machine.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newId } from '@easel/schema/ids';
import type { PlatformSettingsInput } from '@easel/schema/platform-settings';
import { createNamespace, hostForPods, imagesOnCluster, type Namespace } from './cluster.ts';
import { startSurroundings } from './cluster-surroundings.ts';
import type { ComponentName } from './components.ts';
import { type SshUser, sshUser } from './ssh.ts';
import { eventually, freePorts, type Stack, startStack } from './stack.ts';

const root = new URL('../..', import.meta.url).pathname;

/** What the tests with a cluster need of the machine. */
export const clusterNeeds: readonly ComponentName[] = [
  ...(['cluster', 'helm', 'docker', 'docker registry', 'static busybox', 'debootstrap'] as const),
  ...(['git', 'openssh client', 'built web'] as const),
];
/** The first build of the worker's image installs packages, and it has to get into the cluster. */
export const setUpLimitMs = 1_500_000;

export interface ClusterEnvironment {
  id: string;
  name: string;
  phase: string;
  connectivity: string;
  generation: number;
  reason: string | null;
  failure: { class: string; message: string; advice: string } | null;
  events: { edges: { node: { from: string | null; to: string; cause: string } }[] };
}

export interface ClusterStack {
  readonly stack: Stack;
  readonly user: SshUser;
  readonly host: string;
  /** Of the platform's own jump. */
  readonly sshPort: number;
  readonly platformId: string;
  readonly namespace: Namespace;
  /** Creates an environment there; `input` may say more than or otherwise than the usual. */
  create(name: string, input?: Record<string, unknown>): Promise<ClusterEnvironment>;
  find(name: string): Promise<ClusterEnvironment>;
  /** Waits until the environment is in this phase; throws as soon as it failed instead, unless that is waited for. */
  phase(name: string, phase: string, limitMs?: number): Promise<ClusterEnvironment>;
  /** Runs a mutation with a union result; throws when it is refused. */
  change<T = Record<string, unknown>>(mutation: string, variables: Record<string, unknown>): Promise<T>;
  /** Changes the platform's settings beside those that the tests need, and waits until its scheduler works by them. */
  settings(settings: PlatformSettingsInput): Promise<void>;
  /** Runs a command in the environment over SSH; gives what it printed, throws unless it ends with 0. */
  inside(name: string, script: string): Promise<string>;
  /** A port of this machine that leads to one of the environment. */
  forward(name: string, port: number): Promise<{ port: number; stop(): Promise<void> }>;
  /** The pod of the environment that is not gone yet; null when there is none. */
  podOf(id: string): Promise<string | null>;
  killScheduler(): Promise<void>;
  startScheduler(): Promise<void>;
  /** Ends all and deletes the namespace. */
  stop(): Promise<void>;
}

const fields = `id name phase connectivity generation reason failure { class message advice }
  events(last: 30) { edges { node { from to cause } } }`;

export async function startClusterStack(): Promise<ClusterStack> {
  const closers: (() => unknown)[] = [];
  const close = async () => {
    for (const closer of closers.reverse()) await closer();
  };
  try {
    return await open(closers, close);
  } catch (err) {
    await close();
    throw err;
  }
}

async function open(closers: (() => unknown)[], close: () => Promise<void>): Promise<ClusterStack> {
  const host = await hostForPods();
  const { worker: workerImage } = imagesOnCluster('worker');
  const stack = await startStack({ runtime: 'process', host });
  closers.push(() => stack.stop());
  const namespace = await createNamespace(`easel-test-${newId('environment').slice(-10)}`);
  closers.push(() => namespace.remove());
  const surroundings = await startSurroundings(host);
  closers.push(() => surroundings.stop());
  await namespace.apply(surroundings.pullSecret);

  const change = async <T>(mutation: string, variables: Record<string, unknown>): Promise<T> => {
    const answer = await stack.api.query<Record<string, { __typename: string; message?: string }>>(mutation, variables);
    const result = Object.values(answer)[0];
    if (result?.message !== undefined) throw new Error(`${result.__typename}: ${result.message}`);
    return result as T;
  };
  const made = await change<{ platform: { id: string }; token: string }>(
    `mutation ($name: String!) { createPlatform(input: { name: $name }) {
      __typename ... on Refusal { message } ... on PlatformWithToken { platform { id } token } } }`,
    { name: 'cluster' },
  );
  const platformId = made.platform.id;
  const [sshPort] = (await freePorts(1)) as [number];
  const tokenFile = join(stack.scratchDir, 'platform-token');
  writeFileSync(tokenFile, made.token, { mode: 0o600 });
  const common = {
    EASEL_SERVER_URL: stack.url,
    EASEL_PLATFORM_TOKEN_FILE: tokenFile,
    EASEL_LOG_LEVEL: 'debug',
    EASEL_SUPERVISOR: stack.dataDir,
  };
  const jump = start('jump', stack, {
    ...common,
    EASEL_HOST: host,
    EASEL_PORT: String(sshPort),
    EASEL_HOST_KEY_DIR: join(stack.scratchDir, 'jump'),
  });
  closers.push(() => end(jump, 'SIGTERM'));

  let scheduler: ChildProcess | null = null;
  const startScheduler = async () => {
    scheduler = start('scheduler', stack, {
      ...common,
      EASEL_PLATFORM_KIND: 'kubernetes',
      EASEL_KUBERNETES_NAMESPACE: namespace.name,
      EASEL_KUBERNETES_WORKER_IMAGE: workerImage,
      EASEL_RELAY_URL: stack.relayUrl,
      EASEL_SSH_HOST: host,
      EASEL_SSH_PORT: String(sshPort),
    });
  };
  const killScheduler = async () => {
    if (scheduler) await end(scheduler, 'SIGKILL');
    scheduler = null;
  };
  await startScheduler();
  closers.push(async () => {
    if (scheduler) await end(scheduler, 'SIGTERM');
  });

  const settings = async (more: PlatformSettingsInput) => {
    const { settingsVersion } = await change<{ settingsVersion: number }>(
      `mutation ($id: ID!, $settings: JSON!) { updatePlatformSettings(id: $id, settings: $settings) {
        __typename ... on Refusal { message } ... on Platform { settingsVersion } } }`,
      { id: platformId, settings: { ...surroundings.settings, ...more } },
    );
    await eventually(
      async () => {
        const { platforms } = await stack.api.query<{ platforms: PlatformJson[] }>(
          '{ platforms { id isOnline settingsAppliedVersion settingsProblem problems } }',
        );
        const own = platforms.find(({ id }) => id === platformId);
        if (own?.settingsAppliedVersion !== settingsVersion) throw new Error(JSON.stringify(own));
        return true;
      },
      60_000,
      'the new settings',
    );
  };
  await settings({});
  // Several at once must have room on a node of two cores.
  await change(
    `mutation ($input: InstanceTypeInput!) { createInstanceType(input: $input) {
      __typename ... on Refusal { message } ... on InstanceType { id } } }`,
    { input: { name: tinyType, cpus: 0.1, memoryBytes: 512 * 1024 ** 2 } },
  );
  const user = await sshUser({ ...stack, sshHost: host, sshPort });

  const find = async (name: string) => {
    const { environment } = await stack.api.query<{ environment: ClusterEnvironment | null }>(
      `query ($name: String) { environment(name: $name) { ${fields} } }`,
      { name },
    );
    if (!environment) throw new Error(`there is no environment ${name}`);
    return environment;
  };
  return {
    stack,
    user,
    host,
    sshPort,
    platformId,
    namespace,
    change,
    settings,
    find,
    killScheduler,
    startScheduler,
    stop: close,
    create: (name, input = {}) =>
      change<ClusterEnvironment>(
        `mutation ($input: CreateEnvironmentInput!) { createEnvironment(input: $input) {
          __typename ... on Refusal { message } ... on Environment { ${fields} } } }`,
        {
          input: {
            name,
            platform: platformId,
            instanceType: tinyType,
            ...(input.snapshot ? {} : { gitUrl: surroundings.gitUrl, image: surroundings.image }),
            ...input,
          },
        },
      ),
    async phase(name, phase, limitMs = 120_000) {
      let last: ClusterEnvironment | null = null;
      const untilMs = Date.now() + limitMs;
      while (Date.now() < untilMs) {
        last = await find(name);
        if (last.phase === phase) return last;
        if (last.phase === 'failed') break;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      throw new Error(`${name} did not become ${phase}: ${JSON.stringify(last, null, 1)}\n${schedulerLog(stack)}`);
    },
    async inside(name, script) {
      const ran = await user.run(name, `cd "$EASEL_PROJECT" && ${script}`);
      if (ran.code !== 0) throw new Error(`${script} ended with ${ran.code}: ${ran.stderr}`);
      return ran.stdout;
    },
    async forward(name, port) {
      const [own] = (await freePorts(1)) as [number];
      const child = spawn(join(root, 'node_modules/.bin/easel'), ['forward', name, `${own}:${port}`], {
        cwd: root,
        env: { ...process.env, EASEL_URL: stack.url, EASEL_TOKEN: stack.token, XDG_CONFIG_HOME: stack.scratchDir },
        stdio: 'ignore',
      });
      return { port: own, stop: () => end(child, 'SIGTERM') };
    },
    async podOf(id) {
      const pods = await namespace.list('pods');
      const own = pods.filter(({ metadata }) => metadata.labels?.['easel.dev/environment'] === id);
      if (own.length > 1) throw new Error(`${own.length} pods of ${id}`);
      return own[0]?.metadata.name ?? null;
    },
  };
}

const tinyType = 'tiny';

interface PlatformJson {
  id: string;
  isOnline: boolean;
  settingsAppliedVersion: number | null;
}

/** A service of ours; its log is a file in the scratch folder. */
function start(service: 'jump' | 'scheduler', stack: Stack, env: Record<string, string>): ChildProcess {
  const child = spawn(process.execPath, [join(root, service, 'src/main.ts')], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log = createWriteStream(join(stack.scratchDir, `${service}.log`), { flags: 'a' });
  child.stdout?.pipe(log, { end: false });
  child.stderr?.pipe(log, { end: false });
  return child;
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}

function schedulerLog(stack: Stack): string {
  return readFileSync(join(stack.scratchDir, 'scheduler.log'), 'utf8').split('\n').slice(-40).join('\n');
}
