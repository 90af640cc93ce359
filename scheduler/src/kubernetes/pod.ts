/** The pod of one worker, as data: pure, from the placement's spec and the platform's settings. */
import type { PlatformSettings } from '@easel/schema/platform-settings';
import type { PlacementSpec } from '@easel/schema/wire/placement';
import { LABELS, labelsOf, type WorkerNames } from './names.ts';
import type { KubernetesObject } from './objects.ts';
import { merge, parsePodTemplate } from './pod-template.ts';

/** What every worker of this scheduler is told. */
export interface PodSurroundings {
  platformId: string;
  /** What the scheduler was installed with; the settings may name another one. */
  workerImage: string;
  /** Where workers reach the server. */
  serverUrl: string;
  logLevel: string;
}

/** What a worker is told that it has for a graceful stop. */
export const workerStopLimitMs = 120_000;
/** Between the worker's own limit and the kill: its containers, and a last sync of the volume. */
const afterStopSeconds = 30;
export const terminationGraceSeconds = workerStopLimitMs / 1000 + afterStopSeconds;

const secretDir = '/run/easel';
const volumeDir = '/easel/volume';

/** Throws an Error when the settings' pod template is not usable. */
export function workerPod(
  worker: WorkerNames,
  parts: { settings: PlatformSettings; spec: PlacementSpec; surroundings: PodSurroundings },
): KubernetesObject {
  const { settings, spec, surroundings } = parts;
  const template = settings.podTemplate ? parsePodTemplate(settings.podTemplate) : {};
  const serviceAccountName = spec.serviceAccount ?? settings.serviceAccount;
  // A zone by selector, which a template's own affinity adds to and cannot undo.
  const zone = spec.zone ? { 'topology.kubernetes.io/zone': spec.zone } : {};
  const nodeSelector = { ...settings.nodeSelector, ...spec.nodeSelector, ...zone };
  const own = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: worker.workerId,
      labels: {
        ...settings.labels,
        ...labelsOf(surroundings.platformId, worker.environmentId),
        [LABELS.worker]: worker.workerId,
        [LABELS.generation]: String(worker.generation),
      },
      annotations: { ...keptWhereItIs, ...settings.annotations },
    },
    spec: {
      // A worker is never used again: whatever ends it, the next one is another pod.
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: terminationGraceSeconds,
      automountServiceAccountToken: serviceAccountName !== null,
      // Their variables would tell the environment which services the cluster has.
      enableServiceLinks: false,
      ...(serviceAccountName ? { serviceAccountName } : {}),
      ...(settings.runtimeClass ? { runtimeClassName: settings.runtimeClass } : {}),
      ...(Object.keys(nodeSelector).length > 0 ? { nodeSelector } : {}),
      ...(settings.tolerations.length > 0 ? { tolerations: settings.tolerations } : {}),
      ...(settings.pullSecrets.length > 0 ? { imagePullSecrets: settings.pullSecrets.map((name) => ({ name })) } : {}),
      containers: [
        {
          name: 'worker',
          image: settings.workerImage ?? surroundings.workerImage,
          // Docker-in-Docker needs the privilege, unless the runtime class gives it a machine of its own.
          ...(settings.runtimeClass ? {} : { securityContext: { privileged: true } }),
          env: variables(worker, settings, surroundings),
          resources: resources(spec),
          volumeMounts: [
            { name: 'volume', mountPath: volumeDir },
            { name: 'easel', mountPath: secretDir, readOnly: true },
          ],
        },
      ],
      volumes: [
        { name: 'volume', persistentVolumeClaim: { claimName: worker.environmentId } },
        { name: 'easel', projected: { defaultMode: 0o400, sources: secrets(worker, settings) } },
      ],
    },
  };
  const { metadata = {}, spec: templateSpec = {} } = template;
  return merge({ metadata, spec: templateSpec }, own);
}

/** The usual autoscalers do not move a worker to save a node. */
const keptWhereItIs = {
  'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false',
  'karpenter.sh/do-not-disrupt': 'true',
};

function resources(spec: PlacementSpec): KubernetesObject {
  // Idle cores are lent, so that a build is fast; memory cannot be taken back, so that is not.
  const cpu = spec.cpus === null ? {} : { cpu: `${Math.round(spec.cpus * 1000)}m` };
  const memory = spec.memoryBytes === null ? {} : { memory: String(spec.memoryBytes) };
  const gpu = spec.gpus === 0 ? {} : { [spec.gpuResource]: String(spec.gpus) };
  return { requests: { ...cpu, ...memory, ...gpu }, limits: { ...memory, ...gpu } };
}

/** One folder of all: a mount within a read-only mount could not be made. */
function secrets(worker: WorkerNames, settings: PlatformSettings): KubernetesObject[] {
  return [
    { secret: { name: worker.workerId } },
    ...settings.pullSecrets.map((name) => ({
      secret: { name, items: [{ key: '.dockerconfigjson', path: `registries/${name}/config.json` }] },
    })),
  ];
}

function variables(
  worker: WorkerNames,
  settings: PlatformSettings,
  surroundings: PodSurroundings,
): { name: string; value: string }[] {
  const forwarded = { ...proxyVariables(settings.proxy), ...settings.env };
  const { registryMirrors, insecureRegistries } = settings;
  const all: Record<string, string> = {
    ...forwarded,
    EASEL_SERVER_URL: surroundings.serverUrl,
    EASEL_ENVIRONMENT_ID: worker.environmentId,
    EASEL_WORKER_ID: worker.workerId,
    EASEL_GENERATION: String(worker.generation),
    EASEL_WORKER_TOKEN_FILE: `${secretDir}/token`,
    EASEL_VOLUME_DIR: volumeDir,
    EASEL_RUNTIME: 'docker',
    EASEL_DOCKERD: 'own',
    EASEL_DOCKERD_CONFIG: JSON.stringify({ registryMirrors, insecureRegistries }),
    EASEL_FORWARDED_ENV: JSON.stringify(forwarded),
    EASEL_LOG_LEVEL: surroundings.logLevel,
    EASEL_STOP_LIMIT_MS: String(workerStopLimitMs),
    ...(settings.pullSecrets.length > 0 ? { EASEL_REGISTRY_CREDENTIALS_DIR: `${secretDir}/registries` } : {}),
    ...(settings.extraCa ? { EASEL_EXTRA_CA_FILE: `${secretDir}/ca.pem` } : {}),
  };
  // The kubelet would replace `$(NAME)` in a value; each dollar doubled stays what it is.
  return Object.entries(all).map(([name, value]) => ({ name, value: value.replaceAll('$', '$$$$') }));
}

/** Programs look for either spelling. */
function proxyVariables(proxy: PlatformSettings['proxy']): Record<string, string> {
  const values = { http_proxy: proxy.http, https_proxy: proxy.https, no_proxy: proxy.no };
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) =>
      value === null ? [] : [[name, value] as const, [name.toUpperCase(), value] as const],
    ),
  );
}
