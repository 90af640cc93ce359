/**
 * Easel as an administrator installs it: `helm install` of the chart on the cluster, with the profile "evaluation", our images
 * and a PostgreSQL of this machine. For a cluster whose one node is this machine, since it stands in for what such a cluster
 * lacks: load balancers, names of services, and the way from pods to the API server (kube-proxy).
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId } from '@easel/schema/ids';
import { chartDir } from './chart.ts';
import { hostForPods, imagesOnCluster, kubectl } from './cluster.ts';
import { run } from './command.ts';
import { type PortForward, startPortForward } from './forward.ts';
import { helm } from './helm.ts';
import { createDatabase, startPostgres } from './postgres.ts';

const release = 'easel';
const parts = ['server', 'relay', 'jump'] as const;
type Part = (typeof parts)[number];
const lookEveryMs = 500;
const ports: Record<Part, number> = { server: 7080, relay: 7081, jump: 7022 };

export interface Installation {
  readonly url: string;
  readonly host: string;
  readonly sshPort: number;
  readonly namespace: string;
  readonly environmentsNamespace: string;
  /** `helm upgrade` with these further values, until all is ready. */
  upgrade(values: Record<string, string>): Promise<void>;
  rollback(): Promise<void>;
  uninstall(): Promise<void>;
  /** What the notes say: a link that signs the first administrator in. */
  signInLink(): Promise<string>;
  stop(): Promise<void>;
}

export async function install(): Promise<Installation> {
  const closers: (() => unknown)[] = [];
  const stop = async () => {
    for (const closer of closers.reverse()) await closer();
  };
  try {
    return { ...(await open(closers)), stop };
  } catch (err) {
    await stop();
    throw err;
  }
}

async function open(closers: (() => unknown)[]): Promise<Omit<Installation, 'stop'>> {
  const host = await hostForPods();
  const forward = async () => {
    const made = await startPortForward(host);
    closers.push(() => made.stop());
    return made;
  };
  const images = imagesOnCluster('worker', 'relay', 'jump', 'scheduler', 'server');
  closers.push(await leadToApiServer(host, await forward()));
  const postgres = await startPostgres();
  closers.push(() => postgres.stop());
  const database = new URL((await createDatabase(postgres.url)).url);
  const databaseForward = await forward();
  databaseForward.leadTo({ host: database.hostname, port: Number(database.port) });
  database.host = `${host}:${databaseForward.port}`;

  const forwards = { server: await forward(), relay: await forward(), jump: await forward() };
  const url = `http://${host}:${forwards.server.port}`;
  const namespace = `easel-install-${newId('environment').slice(-8)}`;
  const environmentsNamespace = `${namespace}-environments`;
  const chart = chartForThisVersion();
  closers.push(() => rmSync(chart, { recursive: true }));
  const values: Record<string, string> = {
    publicUrl: url,
    'platform.serverUrl': url,
    'database.url': database.href,
    'relay.publicUrl': `ws://${host}:${forwards.relay.port}`,
    'relay.workerUrl': `ws://${host}:${forwards.relay.port}`,
    'jump.host': host,
    'jump.publicPort': String(forwards.jump.port),
    ...imageValues('environments.workerImage', images.worker),
    ...Object.fromEntries(
      (['server', 'relay', 'jump', 'scheduler'] as const).flatMap((name) =>
        Object.entries(imageValues(`${name}.image`, images[name])),
      ),
    ),
    // Ports of the nodes are the whole cluster's, and not the test's to take.
    ...Object.fromEntries(
      parts.flatMap((name) => [
        [`${name}.service.type`, 'ClusterIP'],
        [`${name}.service.nodePort`, 'null'],
      ]),
    ),
  };
  const deploy = async (verb: 'install' | 'upgrade', more: Record<string, string> = {}) => {
    const set = Object.entries({ ...values, ...more }).map(([name, value]) => `--set=${name}=${value}`);
    const profile = `--values=${join(chartDir, 'values-evaluation.yaml')}`;
    // Old API servers do not know the default protocol of a port when they are to merge.
    const how = ['--create-namespace', '--server-side=false', '--wait', '--timeout=5m'];
    await runHelm([verb, release, chart, ...how, profile, ...set]);
  };
  const runHelm = async (args: readonly string[]) => {
    const { code, output } = await run(helm, [...args, `--namespace=${namespace}`]);
    if (code !== 0) throw new Error(`helm ${args[0]}: ${output}\n${await describePods(namespace)}`);
  };
  closers.push(leadToReadyPods(namespace, forwards));
  closers.push(() => kubectl(['delete', 'namespace', '--ignore-not-found', '--wait=false', environmentsNamespace]));
  closers.push(() => kubectl(['delete', 'namespace', '--ignore-not-found', '--wait=false', namespace]));
  closers.push(() => run(helm, ['uninstall', release, '--ignore-not-found', `--namespace=${namespace}`]));
  await deploy('install');
  return {
    url,
    host,
    sshPort: forwards.jump.port,
    namespace,
    environmentsNamespace,
    upgrade: (more) => deploy('upgrade', more),
    rollback: () => runHelm(['rollback', release, '--server-side=false', '--wait', '--timeout=5m']),
    uninstall: () => runHelm(['uninstall', release, '--wait']),
    signInLink: async () => {
      const command = ['env', 'EASEL_LOG_LEVEL=warn', 'node', 'server/src/sign-in-link.ts'];
      const exec = ['--namespace', namespace, 'exec', `deploy/${release}-server`, '--container', 'server', '--'];
      return (await kubectl([...exec, ...command])).trim();
    },
  };
}

/** Our own cluster may be older than those that the chart is for; nothing that this profile makes depends on it. */
function chartForThisVersion(): string {
  const folder = mkdtempSync(join(tmpdir(), 'easel-chart-'));
  cpSync(chartDir, folder, { recursive: true });
  const about = join(folder, 'Chart.yaml');
  writeFileSync(about, readFileSync(about, 'utf8').replace(/^kubeVersion: .*$/m, ''));
  return folder;
}

/** `easel-server:1234` or `registry.example.com:5000/team/easel-server:1234`, as the chart takes it. */
function imageValues(name: string, reference: string): Record<string, string> {
  const [, registry = '', repository = '', tag = ''] = /^(?:(.*)\/)?([^/]+):([^:/]+)$/.exec(reference) ?? [];
  return { 'image.registry': registry, [`${name}.repository`]: repository, [`${name}.tag`]: tag };
}

/** As load balancers do: looks again and again which pods are ready. Gives what ends it. */
function leadToReadyPods(namespace: string, forwards: Record<Part, PortForward>): () => Promise<void> {
  let isOver = false;
  const loop = (async () => {
    while (!isOver) {
      const ready = await readyPods(namespace).catch(() => null);
      for (const part of ready ? parts : []) {
        const host = ready?.get(part);
        forwards[part].leadTo(host === undefined ? null : { host, port: ports[part] });
      }
      await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
    }
  })();
  return () => {
    isOver = true;
    return loop;
  };
}

/** The address of one ready pod of each component. */
async function readyPods(namespace: string): Promise<Map<string, string>> {
  const selector = `app.kubernetes.io/instance=${release}`;
  const args = ['--namespace', namespace, 'get', 'pods', '--selector', selector, '--output', 'json'];
  const { items } = JSON.parse(await kubectl(args)) as { items: Pod[] };
  return new Map(
    items
      .filter(({ metadata, status }) => {
        return (
          !metadata.deletionTimestamp && status.conditions?.some((one) => one.type === 'Ready' && one.status === 'True')
        );
      })
      .map(({ metadata, status }) => [metadata.labels['app.kubernetes.io/component'] ?? '', status.podIP ?? '']),
  );
}

interface Pod {
  metadata: { labels: Record<string, string>; deletionTimestamp?: string };
  status: { podIP?: string; conditions?: { type: string; status: string }[] };
}

function describePods(namespace: string): Promise<string> {
  return kubectl(['--namespace', namespace, 'describe', 'pods']).catch(String);
}

/** Pods find the API server at the address of its Service, which nobody translates here. Gives what undoes it. */
async function leadToApiServer(host: string, forward: PortForward): Promise<() => void> {
  const path = 'jsonpath={.spec.clusterIP}';
  const address = await kubectl(['--namespace=default', 'get', 'service', 'kubernetes', '--output', path]);
  const server = new URL(
    await kubectl(['config', 'view', '--minify', '--output=jsonpath={.clusters[0].cluster.server}']),
  );
  forward.leadTo({ host: server.hostname, port: Number(server.port || 443) });
  const rule = ['PREROUTING', '--destination', address, '--protocol', 'tcp', '--dport', '443'];
  const translation = ['--jump', 'DNAT', '--to-destination', `${host}:${forward.port}`];
  const iptables = (verb: string) => execFileSync('iptables', ['--table', 'nat', verb, ...rule, ...translation]);
  iptables('--insert');
  return () => void iptables('--delete');
}
