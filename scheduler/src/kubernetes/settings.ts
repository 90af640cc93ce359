/**
 * The platform's settings in force. A newer version is tried out first: parsed, and its pod and volume shown to the cluster as
 * a dry run. One that is refused is told of and changes nothing: the last good one stays. After a restart the server knows
 * which that was; if that is refused, too, the built-in defaults are in force, and it says so.
 */
import type { Log } from '@easel/kit/log';
import { newId } from '@easel/schema/ids';
import { type PlatformSettings, platformSettingsSchema } from '@easel/schema/platform-settings';
import type { PlacementSpec } from '@easel/schema/wire/placement';
import { KubernetesError } from './api-error.ts';
import type { ApiServer } from './api-server.ts';
import type { ClusterFacts } from './features.ts';
import { type KubernetesObject, volumeClaim } from './objects.ts';
import { sentence } from './pending-reason.ts';
import { type PodSurroundings, workerPod } from './pod.ts';

/** A worker of no special wishes, on a small volume. */
const probeSpec: PlacementSpec = {
  cpus: null,
  memoryBytes: null,
  gpus: 0,
  gpuResource: 'nvidia.com/gpu',
  diskBytes: 1024 ** 3,
  storageClass: null,
  zone: null,
  nodeSelector: {},
  serviceAccount: null,
  restoreFrom: null,
};

export class SettingsKeeper {
  readonly #api: ApiServer;
  readonly #namespace: string;
  readonly #log: Log;
  #current: PlatformSettings = platformSettingsSchema.parse({});
  #version: number | null = null;
  #refused: { version: number; problem: string } | null = null;

  constructor(parts: { api: ApiServer; namespace: string; log: Log }) {
    this.#api = parts.api;
    this.#namespace = parts.namespace;
    this.#log = parts.log;
  }

  get current(): PlatformSettings {
    return this.#current;
  }

  get version(): number | null {
    return this.#version;
  }

  get problem(): string | null {
    if (!this.#refused) return null;
    const { version, problem } = this.#refused;
    const instead = this.#version === null ? 'the built-in defaults are' : `version ${this.#version} is`;
    return sentence(`Version ${version} of the settings is refused, ${instead} in force: ${problem}`);
  }

  /** Takes a version if it is another one. True when something has changed. Throws KubernetesError when it cannot be tried. */
  async offer(
    version: number,
    raw: unknown,
    parts: { surroundings: PodSurroundings; facts: ClusterFacts },
  ): Promise<boolean> {
    if (version === this.#version && !this.#refused) return false;
    if (version === this.#refused?.version) return false;
    const problem = await this.#try(raw, parts);
    if (typeof problem === 'string') {
      this.#refused = { version, problem };
      this.#log.warn({ version, problem }, 'settings refused');
      return true;
    }
    this.#current = problem;
    this.#version = version;
    this.#refused = null;
    this.#log.info({ version }, 'settings in force');
    return true;
  }

  /** Gives the settings, or in one sentence why they cannot be used. */
  async #try(
    raw: unknown,
    { surroundings, facts }: { surroundings: PodSurroundings; facts: ClusterFacts },
  ): Promise<PlatformSettings | string> {
    const parsed = platformSettingsSchema.safeParse(raw ?? {});
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      return `"${issue?.path.join('.') ?? ''}": ${issue?.message}`;
    }
    const settings = parsed.data;
    const { storageClass, snapshotClass } = settings;
    if (storageClass && !facts.storageClasses.some(({ name }) => name === storageClass)) {
      return `the cluster has no storage class "${storageClass}"`;
    }
    if (snapshotClass && !facts.snapshotClasses?.some(({ name }) => name === snapshotClass)) {
      return `the cluster has no snapshot class "${snapshotClass}"`;
    }
    const environmentId = newId('environment');
    const worker = { environmentId, workerId: newId('worker'), generation: 1 };
    const { platformId } = surroundings;
    let pod: KubernetesObject;
    try {
      pod = workerPod(worker, { settings, spec: probeSpec, surroundings });
    } catch (err) {
      return (err as Error).message;
    }
    const claim = volumeClaim(environmentId, { platformId, settings, spec: probeSpec, minBytes: 0 });
    return (await this.#dryRun('pods', pod)) ?? (await this.#dryRun('persistentvolumeclaims', claim)) ?? settings;
  }

  async #dryRun(kind: string, body: KubernetesObject): Promise<string | null> {
    try {
      await this.#api.call({
        method: 'POST',
        path: `/api/v1/namespaces/${this.#namespace}/${kind}`,
        // Strict: a misspelt field is an error, where the cluster can tell (Kubernetes 1.25 and later).
        query: { dryRun: 'All', fieldValidation: 'Strict' },
        body,
      });
      return null;
    } catch (err) {
      if (!(err instanceof KubernetesError) || err.isTrouble || err.status === 401) throw err;
      // No room today says nothing of the settings.
      return /exceeded quota/.test(err.message) ? null : `the cluster refuses them: ${err.message}`;
    }
  }
}
