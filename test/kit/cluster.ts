/** A Kubernetes cluster that tests may use: the one that KUBECONFIG names. */
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from './command.ts';
import { kubectl as kubectlFile } from './helm.ts';

/** Built into the cluster when the caller names no image of its own. */
const testImage = 'easel-worker:test';
const importLimitMs = 1_200_000;

/** Of a Kubernetes object, as far as tests read it. */
export interface ClusterObject {
  kind: string;
  metadata: { name: string; uid: string; labels?: Record<string, string>; deletionTimestamp?: string };
  spec?: Record<string, unknown>;
  status?: Record<string, unknown>;
}

export interface Namespace {
  readonly name: string;
  /** Runs kubectl in the namespace; throws with what it said when it fails. */
  kubectl(args: readonly string[], input?: string): Promise<string>;
  /** Creates or changes objects, given as data. */
  apply(...objects: readonly object[]): Promise<void>;
  /** All objects of these kinds (comma-separated) that Easel made. */
  list(kinds: string): Promise<ClusterObject[]>;
  /** Deletes it with all that is in it. */
  remove(): Promise<void>;
}

/** Runs kubectl to its end; throws with what it said when it fails. */
export function kubectl(args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      kubectlFile,
      ['--request-timeout=60s', ...args],
      { maxBuffer: 64 * 1024 * 1024, timeout: 180_000 },
      (err, stdout, stderr) => {
        if (err) reject(new Error(`kubectl ${args.join(' ')}: ${stderr || err.message}`));
        else resolve(stdout);
      },
    );
    child.stdin?.on('error', () => undefined).end(input);
  });
}

export async function createNamespace(name: string): Promise<Namespace> {
  await kubectl(['create', 'namespace', name]);
  const inside = (args: readonly string[], input?: string) => kubectl(['--namespace', name, ...args], input);
  return {
    name,
    kubectl: inside,
    async apply(...objects) {
      await inside(['apply', '--filename', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
    },
    async list(kinds) {
      const out = await inside(['get', kinds, '--selector', 'app.kubernetes.io/managed-by=easel', '--output', 'json']);
      return (JSON.parse(out) as { items: ClusterObject[] }).items;
    },
    async remove() {
      await kubectl(['delete', 'namespace', name, '--wait=false']);
    },
  };
}

/**
 * Where pods reach this machine: EASEL_TEST_HOST, or the address that this machine has towards the cluster's first node.
 */
export async function hostForPods(): Promise<string> {
  if (process.env.EASEL_TEST_HOST) return process.env.EASEL_TEST_HOST;
  const path = '{.items[0].status.addresses[?(@.type=="InternalIP")].address}';
  const node = await kubectl(['get', 'nodes', '--output', `jsonpath=${path}`]);
  const socket = createSocket('udp4');
  try {
    // Sends nothing: it only chooses the way.
    await new Promise<void>((resolve) => socket.connect(9, node, () => resolve()));
    return socket.address().address;
  } finally {
    socket.close();
  }
}

/**
 * The worker's image on the cluster: EASEL_TEST_WORKER_IMAGE, which the cluster can pull, or one that is built from these
 * sources and brought into the containerd that lies beside KUBECONFIG.
 */
export function workerImageOnCluster(): string {
  const given = process.env.EASEL_TEST_WORKER_IMAGE;
  if (given) return given;
  const socket = join(dirname(process.env.KUBECONFIG ?? ''), 'containerd/c.sock');
  if (!existsSync(socket)) {
    throw new Error(
      'set EASEL_TEST_WORKER_IMAGE to a worker image that the cluster can pull: npm run images -- --push',
    );
  }
  const build = ['docker/build.ts', '--make-base', '--only', 'worker', '--tag', 'test'];
  execFileSync(process.execPath, build, { cwd: root, stdio: 'pipe', maxBuffer: 64 * 1024 * 1024 });
  const id = execFileSync('docker', ['image', 'inspect', '--format', '{{.Id}}', testImage], {
    encoding: 'utf8',
  }).trim();
  const containerd = ['--address', socket, '--namespace', 'k8s.io'];
  const known = execFileSync('ctr', [...containerd, 'images', 'list', '--quiet'], { encoding: 'utf8' }).split('\n');
  // What an image is comes first, so that a new one is not taken for the one that is there.
  const name = `easel-worker:${id.replace('sha256:', '').slice(0, 12)}`;
  if (known.includes(`docker.io/library/${name}`)) return name;
  execFileSync('docker', ['tag', testImage, name]);
  try {
    const script = 'docker save "$0" | ctr "$@" images import -';
    const imported = spawnSync('sh', ['-c', script, name, ...containerd], { encoding: 'utf8', timeout: importLimitMs });
    if (imported.status !== 0) throw new Error(`the worker's image could not be imported: ${imported.stderr}`);
  } finally {
    execFileSync('docker', ['image', 'rm', name], { stdio: 'pipe' });
  }
  return name;
}
