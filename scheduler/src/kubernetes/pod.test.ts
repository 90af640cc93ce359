import { newId } from '@easel/schema/ids';
import { type PlatformSettingsInput, platformSettingsSchema } from '@easel/schema/platform-settings';
import type { PlacementSpec } from '@easel/schema/wire/placement';
import { describe, expect, test } from 'vitest';
import { anySpec } from '../fakes.ts';
import { volumeClaim, workerSecret } from './objects.ts';
import { workerPod } from './pod.ts';

const worker = { environmentId: newId('environment'), workerId: newId('worker'), generation: 3 };
const platformId = newId('platform');
const surroundings = { platformId, workerImage: 'easel-worker:1', serverUrl: 'https://easel.test', logLevel: 'info' };

interface Container {
  name: string;
  image?: string;
  env: { name: string; value: string }[];
  resources: unknown;
  securityContext?: unknown;
  volumeMounts: { mountPath: string; name: string; readOnly?: boolean }[];
}
interface PodObject {
  metadata: { name: string; labels: Record<string, string>; annotations: Record<string, string> };
  spec: Record<string, unknown> & { containers: Container[]; volumes: { name: string; projected?: unknown }[] };
}

function pod(input: PlatformSettingsInput = {}, spec: Partial<PlacementSpec> = {}): PodObject {
  const settings = platformSettingsSchema.parse(input);
  return workerPod(worker, { settings, spec: { ...anySpec, ...spec }, surroundings }) as unknown as PodObject;
}
const workerOf = (made: PodObject): Container => made.spec.containers.find(({ name }) => name === 'worker')!;
const envOf = (made: PodObject) => Object.fromEntries(workerOf(made).env.map(({ name, value }) => [name, value]));

test('a pod runs once, privileged, without a service account, under names and labels from ids', () => {
  const made = pod();
  expect(made.metadata.name).toBe(worker.workerId);
  expect(made.metadata.labels).toMatchObject({
    'app.kubernetes.io/managed-by': 'easel',
    'easel.dev/environment': worker.environmentId,
    'easel.dev/worker': worker.workerId,
    'easel.dev/generation': '3',
    'easel.dev/platform': platformId,
  });
  expect(made.spec).toMatchObject({
    restartPolicy: 'Never',
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 150,
  });
  expect(workerOf(made)).toMatchObject({ image: 'easel-worker:1', securityContext: { privileged: true } });
  expect(envOf(made)).toMatchObject({
    EASEL_WORKER_TOKEN_FILE: '/run/easel/token',
    EASEL_DOCKERD: 'own',
    EASEL_GENERATION: '3',
  });
  expect(JSON.stringify(made)).not.toContain('once');
});

test('a runtime class takes the place of the privilege', () => {
  const made = pod({ runtimeClass: 'sysbox-runc' });
  expect(made.spec.runtimeClassName).toBe('sysbox-runc');
  expect(workerOf(made).securityContext).toBeUndefined();
});

test('the instance type decides resources, zone, nodes and identity', () => {
  const spec = { cpus: 1.5, memoryBytes: 2 ** 31, gpus: 2, zone: 'eu-1a', nodeSelector: { pool: 'big' } };
  const made = pod({ nodeSelector: { pool: 'any', arch: 'amd64' } }, { ...spec, serviceAccount: 'robot' });
  expect(workerOf(made).resources).toEqual({
    requests: { cpu: '1500m', memory: '2147483648', 'nvidia.com/gpu': '2' },
    limits: { memory: '2147483648', 'nvidia.com/gpu': '2' },
  });
  expect(made.spec).toMatchObject({
    serviceAccountName: 'robot',
    automountServiceAccountToken: true,
    nodeSelector: { pool: 'big', arch: 'amd64', 'topology.kubernetes.io/zone': 'eu-1a' },
  });
});

test('variables and proxies reach the worker and what it starts; ours cannot be replaced', () => {
  const made = pod({
    env: { TEAM: 'red', EASEL_SERVER_URL: 'https://evil.test', PRICE: '$(HOME) $$5' },
    proxy: { https: 'http://proxy.test:3128', no: '.svc' },
  });
  const env = envOf(made);
  expect(env).toMatchObject({ TEAM: 'red', EASEL_SERVER_URL: 'https://easel.test', PRICE: '$$(HOME) $$$$5' });
  expect([env.HTTPS_PROXY, env.https_proxy, env.NO_PROXY]).toEqual([
    'http://proxy.test:3128',
    'http://proxy.test:3128',
    '.svc',
  ]);
  expect(JSON.parse(env.EASEL_FORWARDED_ENV!.replaceAll('$$', '$'))).toMatchObject({
    TEAM: 'red',
    https_proxy: 'http://proxy.test:3128',
  });
});

test('mirrors, pull secrets and certificates come in one read-only folder', () => {
  const made = pod({
    registryMirrors: ['https://mirror.test'],
    pullSecrets: ['registry'],
    extraCa: '-----BEGIN CERTIFICATE-----\nx',
  });
  expect(envOf(made)).toMatchObject({
    EASEL_DOCKERD_CONFIG: '{"registryMirrors":["https://mirror.test"],"insecureRegistries":[]}',
    EASEL_REGISTRY_CREDENTIALS_DIR: '/run/easel/registries',
    EASEL_EXTRA_CA_FILE: '/run/easel/ca.pem',
  });
  expect(made.spec.imagePullSecrets).toEqual([{ name: 'registry' }]);
  expect(made.spec.volumes.find(({ name }) => name === 'easel')?.projected).toMatchObject({
    sources: [
      { secret: { name: worker.workerId } },
      { secret: { name: 'registry', items: [{ key: '.dockerconfigjson', path: 'registries/registry/config.json' }] } },
    ],
  });
});

describe('a pod template', () => {
  test('is merged as data: its own things stay, named things meet, ours win', () => {
    const made = pod({
      tolerations: [{ key: 'easel', operator: 'Exists' }],
      podTemplate: `
metadata: { labels: { team: red, easel.dev/worker: other }, annotations: { note: "yes: it is" } }
spec:
  priorityClassName: high
  automountServiceAccountToken: true
  tolerations: [{ key: gpu, operator: Exists }]
  volumes: [{ name: cache, emptyDir: {} }]
  containers:
    - name: worker
      image: other
      env: [{ name: EXTRA, value: "1" }, { name: EASEL_WORKER_ID, value: evil }]
      volumeMounts: [{ name: cache, mountPath: /cache }]
      securityContext: { capabilities: { add: [SYS_ADMIN] } }
    - { name: sidecar, image: busybox }
`,
    });
    expect(made.metadata.labels).toMatchObject({ team: 'red', 'easel.dev/worker': worker.workerId });
    expect(made.spec).toMatchObject({ priorityClassName: 'high', automountServiceAccountToken: false });
    expect(made.spec.tolerations).toEqual([
      { key: 'gpu', operator: 'Exists' },
      { key: 'easel', operator: 'Exists' },
    ]);
    expect(made.spec.containers.map(({ name }) => name)).toEqual(['worker', 'sidecar']);
    expect(made.spec.volumes.map(({ name }) => name)).toEqual(['cache', 'volume', 'easel']);
    const own = workerOf(made);
    expect(own).toMatchObject({
      image: 'easel-worker:1',
      securityContext: { privileged: true, capabilities: { add: ['SYS_ADMIN'] } },
    });
    expect(own.volumeMounts.map(({ mountPath }) => mountPath)).toEqual(['/cache', '/easel/volume', '/run/easel']);
    expect(envOf(made)).toMatchObject({ EXTRA: '1', EASEL_WORKER_ID: worker.workerId });
  });

  test.each([
    ['spec: {restartPolicy: Always}', /restartPolicy/],
    ['spec: {volumes: [{name: volume, emptyDir: {}}]}', /volume "volume"/],
    ['spec: {containers: [{name: worker, volumeMounts: [{name: x, mountPath: /run/easel/x}]}]}', /Easel's own places/],
    ['spec: {containers: worker}', /spec.containers/],
    ['status: {}', /status/],
    ['a: &a [x]\nb: *c', /YAML|alias/i],
    ['{{ not yaml', /YAML/],
  ])('%s is refused in one sentence', (podTemplate, problem) => {
    expect(() => pod({ podTemplate })).toThrow(problem);
  });

  test('anchors do not make a small text huge', () => {
    const levels = Array.from({ length: 20 }, (_, n) => `l${n + 1}: &l${n + 1} [*l${n}, *l${n}]`);
    expect(() => pod({ podTemplate: ['l0: &l0 [x]', ...levels].join('\n') })).toThrow();
  });
});

test('hundred thousand workers have names that Kubernetes takes, each another one', { timeout: 60_000 }, () => {
  const names = new Set(Array.from({ length: 100_000 }, () => newId('worker')));
  expect(names.size).toBe(100_000);
  expect([...names].filter((name) => !/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name))).toEqual([]);
});

test('the volume has the size, class and snapshot that are asked for', () => {
  const settings = platformSettingsSchema.parse({ storageClass: 'fast' });
  const restoreFrom = newId('snapshot');
  const parts = { platformId, settings, minBytes: 5 * 2 ** 30 };
  expect(volumeClaim(worker.environmentId, { ...parts, spec: { ...anySpec, restoreFrom } })).toMatchObject({
    metadata: { name: worker.environmentId },
    spec: {
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'fast',
      resources: { requests: { storage: String(5 * 2 ** 30) } },
      dataSource: { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: restoreFrom },
    },
  });
  const own = volumeClaim(worker.environmentId, { ...parts, minBytes: 0, spec: { ...anySpec, storageClass: 'slow' } });
  expect(own).toMatchObject({ spec: { storageClassName: 'slow' } });
});

test('the token is in the secret and nowhere else', () => {
  const settings = platformSettingsSchema.parse({});
  expect(workerSecret(worker, { platformId, settings, token: 'once' })).toMatchObject({
    metadata: { name: worker.workerId },
    immutable: true,
    stringData: { token: 'once' },
  });
});
