/** A Kubernetes cluster that tests may use: the one that KUBECONFIG names. */
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type ImageName, referenceOf } from '../../docker/images.ts';
import { root } from './command.ts';
import { kubectl as kubectlFile } from './helm.ts';

const testTag = 'test';
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

/** Whether the cluster's one node is this machine: its containerd lies beside KUBECONFIG. */
export function containerdOfCluster(): string | null {
  const socket = join(dirname(process.env.KUBECONFIG ?? ''), 'containerd/c.sock');
  return process.env.KUBECONFIG !== undefined && existsSync(socket) ? socket : null;
}

/**
 * References of our images for the cluster, by name: in EASEL_TEST_IMAGE_REGISTRY, to which `npm run images -- --tag test
 * --push` has pushed them, or built from these sources and brought into the containerd of this machine.
 */
export function imagesOnCluster<N extends ImageName>(...names: N[]): Record<N, string> {
  const registry = process.env.EASEL_TEST_IMAGE_REGISTRY;
  if (!registry && !containerdOfCluster()) {
    throw new Error(
      `set EASEL_TEST_IMAGE_REGISTRY to where the cluster can pull from: npm run images -- --registry … --tag ${testTag} --push`,
    );
  }
  if (!registry) {
    const build = ['docker/build.ts', '--make-base', '--only', names.join(','), '--tag', testTag];
    execFileSync(process.execPath, build, { cwd: root, stdio: 'pipe', maxBuffer: 64 * 1024 * 1024 });
  }
  const references = names.map((name) => {
    const reference = referenceOf(name, { registry, tag: testTag });
    return [name, registry ? reference : imported(reference)] as const;
  });
  return Object.fromEntries(references) as Record<N, string>;
}

/** Brings an image of this machine's Docker daemon into the cluster's containerd; what it is called there. */
function imported(image: string): string {
  const containerd = ['--address', containerdOfCluster() ?? '', '--namespace', 'k8s.io'];
  const format = ['image', 'inspect', '--format', '{{.Id}}', image];
  const id = execFileSync('docker', format, { encoding: 'utf8' }).trim();
  const known = execFileSync('ctr', [...containerd, 'images', 'list', '--quiet'], { encoding: 'utf8' }).split('\n');
  // What an image is is its tag, so that a new one is not taken for the one that is there.
  const name = image.replace(/:[^:]*$/, `:${id.replace('sha256:', '').slice(0, 12)}`);
  if (known.includes(`docker.io/library/${name}`)) return name;
  execFileSync('docker', ['tag', image, name]);
  try {
    const script = 'docker save "$0" | ctr "$@" images import -';
    const done = spawnSync('sh', ['-c', script, name, ...containerd], { encoding: 'utf8', timeout: importLimitMs });
    if (done.status !== 0) throw new Error(`${image} could not be imported: ${done.stderr}`);
  } finally {
    execFileSync('docker', ['image', 'rm', name], { stdio: 'pipe' });
  }
  return name;
}
