import { RIGHTS } from '@easel/scheduler/src/kubernetes/rbac.ts';
import { beforeAll, describe, expect, it } from 'vitest';
import { installations, type Manifest, manifestsOf, template } from '../kit/chart.ts';
import { podsOf } from './pods.ts';
import { problemsOf } from './published-schemas.ts';

/** Stable ones only: each is served by Kubernetes 1.29 to 1.36, or by what the administrator has installed beside it. */
const allowed: Record<string, readonly string[]> = {
  v1: ['ConfigMap', 'Namespace', 'PersistentVolumeClaim', 'Secret', 'Service', 'ServiceAccount'],
  'apps/v1': ['Deployment'],
  'batch/v1': ['Job'],
  'policy/v1': ['PodDisruptionBudget'],
  'autoscaling/v2': ['HorizontalPodAutoscaler'],
  'networking.k8s.io/v1': ['Ingress', 'NetworkPolicy'],
  'rbac.authorization.k8s.io/v1': ['ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding'],
  'gateway.networking.k8s.io/v1': ['Gateway', 'HTTPRoute'],
  'cert-manager.io/v1': ['Certificate'],
  'monitoring.coreos.com/v1': ['ServiceMonitor'],
  'networking.gke.io/v1': ['GCPBackendPolicy', 'HealthCheckPolicy'],
};

const rendered = new Map<string, Manifest[]>();
const of = (name: string) => rendered.get(name) ?? [];
const find = (name: string, kind: string, ending: string) =>
  of(name).find((manifest) => manifest.kind === kind && manifest.metadata.name.endsWith(ending))!;

beforeAll(async () => {
  for (const name of Object.keys(installations)) {
    const { code, output } = await template(name);
    expect(code, output).toBe(0);
    rendered.set(name, manifestsOf(output));
  }
});

describe.each(Object.keys(installations))('the manifests of %s', (name) => {
  it('are of stable kinds, and as their schemas want them', () => {
    expect(of(name).length).toBeGreaterThan(5);
    for (const manifest of of(name)) {
      expect(allowed[manifest.apiVersion] ?? [], manifest.apiVersion).toContain(manifest.kind);
      expect(problemsOf(manifest), `${manifest.kind} ${manifest.metadata.name}`).toEqual([]);
    }
  });

  it('have names that Kubernetes takes, each once, and all labels', () => {
    const names = of(name).map(({ kind, metadata }) => `${kind} ${metadata.namespace} ${metadata.name}`);
    expect(new Set(names).size).toBe(names.length);
    for (const { kind, metadata } of of(name)) {
      expect(metadata.name).toMatch(/^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/);
      if (!['Namespace', 'ClusterRole', 'ClusterRoleBinding'].includes(kind)) expect(metadata.namespace).toBeTruthy();
      for (const label of ['name', 'instance', 'component', 'part-of', 'version', 'managed-by']) {
        expect(metadata.labels?.[`app.kubernetes.io/${label}`], `${kind} ${metadata.name}: ${label}`).toBeTruthy();
      }
      for (const value of Object.values(metadata.labels ?? {})) expect(value).toMatch(/^[A-Za-z0-9]([\w.-]{0,61}\w)?$/);
    }
  });

  it('run nothing with rights that it does not need', () => {
    for (const { owner, spec, labels } of podsOf(of(name))) {
      const isScheduler = labels['app.kubernetes.io/component'] === 'scheduler';
      expect(spec.automountServiceAccountToken, owner).toBe(isScheduler);
      expect(spec.securityContext, owner).toMatchObject({
        runAsNonRoot: true,
        runAsUser: 10001,
        seccompProfile: { type: 'RuntimeDefault' },
      });
      expect(Object.keys(spec)).not.toContain('hostNetwork');
      for (const volume of spec.volumes) expect(volume, owner).not.toHaveProperty('hostPath');
      for (const container of [...spec.containers, ...(spec.initContainers ?? [])]) {
        expect(container.image, owner).toMatch(/(:[\w][\w.-]*|@sha256:[0-9a-f]{64})$/);
        expect(container.image, owner).not.toMatch(/:latest$/);
        expect(container.securityContext, owner).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        expect(container.resources, owner).toMatchObject({
          requests: { cpu: expect.anything() },
          limits: { memory: expect.anything() },
        });
      }
    }
  });

  it('probe what runs, and give it the time to end that it takes', () => {
    for (const { owner, kind, spec } of podsOf(of(name))) {
      if (kind === 'Job') continue;
      const [container] = spec.containers;
      const ports = container!.ports!.map((port) => port.name);
      for (const [probe, path] of [
        ['startupProbe', '/healthz'],
        ['livenessProbe', '/healthz'],
        ['readinessProbe', '/readyz'],
      ] as const) {
        expect(container![probe]?.httpGet, owner).toEqual({ path, port: expect.toBeOneOf(ports) });
      }
      const limitMs = Number(container!.env!.find((variable) => variable.name === 'EASEL_STOP_LIMIT_MS')!.value);
      const preStopMs = Number(/(\d+)\)$/.exec(container!.lifecycle?.preStop.exec.command[2] ?? '0)')![1]);
      // What a process gets beyond its drain's time to cut what is left.
      expect(spec.terminationGracePeriodSeconds! * 1000, owner).toBeGreaterThanOrEqual(limitMs + preStopMs + 5_000);
    }
  });

  it('set each variable once, and none that is a secret', () => {
    for (const { owner, spec } of podsOf(of(name))) {
      for (const container of spec.containers) {
        const names = (container.env ?? []).map((variable) => variable.name);
        expect(new Set(names).size, owner).toBe(names.length);
        for (const { name: variable, value } of container.env ?? []) {
          expect(typeof value, `${owner}: ${variable}`).toBe('string');
          expect(value, `${owner}: ${variable}`).not.toMatch(/easel_|postgres(ql)?:|BEGIN/);
        }
      }
    }
  });
});

it('grants the scheduler what it asks itself for, and no more', () => {
  const granted = (['Role', 'ClusterRole'] as const).flatMap((kind) =>
    find('eks', kind, 'scheduler').rules!.flatMap(({ apiGroups, resources, verbs }) =>
      resources.map((resource) => ({ kind, group: apiGroups[0], resource, verbs: [...verbs].sort() })),
    ),
  );
  const needed = RIGHTS.map(({ group, resource, verbs, isOfCluster }) => ({
    kind: isOfCluster ? 'ClusterRole' : 'Role',
    group,
    resource,
    verbs: [...verbs].sort(),
  }));
  const byName = (a: { resource: string }, b: { resource: string }) => a.resource.localeCompare(b.resource);
  expect(granted.sort(byName)).toEqual(needed.sort(byName));
});

it('lets nobody reach a worker, and keeps what is blocked from it', () => {
  const policy = find('everything', 'NetworkPolicy', '-workers');
  expect(policy.metadata.namespace).toBe('workspaces');
  expect(policy.spec).toMatchObject({
    podSelector: { matchLabels: { 'app.kubernetes.io/name': 'easel-worker' } },
    policyTypes: ['Ingress', 'Egress'],
    ingress: [],
  });
  const text = JSON.stringify(policy.spec);
  expect(text).toContain('{"cidr":"0.0.0.0/0","except":["10.0.0.1/32","169.254.169.254/32"]}');
  expect(text).toContain('{"cidr":"::/0","except":["fd00::1/128","fd00:ec2::254/128"]}');
});

it('shows the relay by its WebSocket paths only', () => {
  for (const name of ['eks', 'gke']) {
    const routes = of(name).filter(
      ({ kind, metadata }) => /^(Ingress|HTTPRoute)$/.test(kind) && metadata.name.endsWith('relay'),
    );
    const paths = [...JSON.stringify(routes).matchAll(/"(?:path|value)":"(\/[^"]*)"/g)].map(([, path]) => path);
    expect(paths, name).toEqual(['/connect', '/worker', '/stream']);
  }
});

it('migrates before anything else, with what it needs made before it', () => {
  const hooked = of('evaluation').filter(({ metadata }) => metadata.annotations?.['helm.sh/hook']);
  expect(hooked.map(({ kind }) => kind).sort()).toEqual(['Job', 'Secret']);
  const weight = (kind: string) =>
    Number(hooked.find((one) => one.kind === kind)!.metadata.annotations!['helm.sh/hook-weight']);
  expect(weight('Secret')).toBeLessThan(weight('Job'));
});

it('keeps what cannot be made again when it is uninstalled', () => {
  const kept = of('evaluation').filter(({ metadata }) => metadata.annotations?.['helm.sh/resource-policy'] === 'keep');
  expect(kept.map(({ kind, metadata }) => `${kind} ${metadata.name}`).sort()).toEqual([
    'Namespace easel-environments',
    'PersistentVolumeClaim easel-objects',
    'Secret easel-host-keys',
    'Secret easel-server',
  ]);
});

it('installs a platform alone, without the server and its secrets', () => {
  const text = JSON.stringify(of('platform-only'));
  expect(text).not.toMatch(/EASEL_DATABASE_URL|easel-server/);
  expect(text).toContain('"name":"EASEL_SERVER_URL","value":"https://easel.example.com"');
});

it('rolls the pods when a secret changes, and only then', async () => {
  const checksums = async (...args: string[]) =>
    [...(await template('everything', args)).output.matchAll(/checksum\/secrets: (\w+)/g)].map(([, sum]) => sum);
  const given = ['--set=jump.hostKeys.existingSecret=keys'];
  const before = await checksums(...given);
  expect(before).toHaveLength(3);
  expect(await checksums(...given, '--set=commonLabels.a=b')).toEqual(before);
  const after = await checksums(...given, '--set=platform.token=easel_platform_bbbbbbbbbbbbbbbbbbbbbbbbbb');
  for (const [index, sum] of after.entries()) expect(sum).not.toBe(before[index]);
});
