import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { chartDir, installations, type Manifest, manifestsOf, template } from '../kit/chart.ts';
import { run } from '../kit/command.ts';
import { describeWith } from '../kit/describe-with.ts';
import { kubectl } from '../kit/helm.ts';

/** What objects of a dry run would lie in; nothing else is made. */
const namespaces = { release: 'easel-helm-test', environments: 'easel-helm-test-envs' };

describeWith(['helm', 'cluster'], 'the API server', () => {
  let served: string[];
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'easel-helm-'));
    served = (await kube('api-versions')).split('\n');
    for (const name of Object.values(namespaces)) await kube('create', 'namespace', name);
  });
  afterAll(async () => {
    await kube('delete', 'namespace', '--wait=false', ...Object.values(namespaces));
    rmSync(folder, { recursive: true });
  });

  async function kube(...args: string[]): Promise<string> {
    const { code, output } = await run(kubectl, ['--request-timeout=30s', ...args]);
    expect(code, `${args.join(' ')}\n${output}`).toBe(0);
    return output;
  }

  it.each(Object.keys(installations))('takes every manifest of %s that its version serves', async (name) => {
    const { code, output } = await template(name);
    expect(code, output).toBe(0);
    const manifests = manifestsOf(output).map(moved);
    const known = manifests.filter(({ apiVersion }) => served.includes(apiVersion));
    expect(known.length).toBeGreaterThan(5);
    const file = join(folder, `${name}.yaml`);
    writeFileSync(file, known.map((manifest) => stringify(manifest)).join('---\n'));
    const answers = await kube('create', '--dry-run=server', '--validate=strict', `--filename=${file}`);
    expect(answers.match(/created \(server dry run\)/g)).toHaveLength(known.length);
  });
});

describeWith(['helm', 'cluster'], 'what the chart has made', () => {
  const namespace = 'easel-helm-kept';
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'easel-helm-'));
    await run(kubectl, ['create', 'namespace', namespace]);
    // Nothing here depends on the cluster's version, and the test's may be older than those that we support.
    cpSync(chartDir, folder, { recursive: true });
    const about = join(folder, 'Chart.yaml');
    writeFileSync(about, readFileSync(about, 'utf8').replace(/^kubeVersion: .*$/m, ''));
  });
  afterAll(async () => {
    await run(kubectl, ['delete', 'namespace', '--wait=false', namespace]);
    rmSync(folder, { recursive: true });
  });

  /** The Secrets of a render that looks into the cluster, as an upgrade does. */
  async function secrets(...args: string[]): Promise<Manifest[]> {
    const { code, output } = await template(
      'evaluation',
      ['--dry-run=server', `--namespace=${namespace}`, ...args],
      folder,
    );
    expect(code, output).toBe(0);
    return manifestsOf(output).filter(({ kind }) => kind === 'Secret');
  }

  it('is kept by the next upgrade, unless it is given', async () => {
    const made = await secrets();
    expect(made.map(({ metadata }) => metadata.name).sort()).toEqual([
      'easel-database',
      'easel-host-keys',
      'easel-platform',
      'easel-server',
    ]);
    const file = join(folder, 'secrets.yaml');
    writeFileSync(file, made.map((manifest) => stringify(owned(manifest))).join('---\n'));
    const applied = await run(kubectl, ['apply', `--filename=${file}`]);
    expect(applied.code, applied.output).toBe(0);

    expect(await secrets()).toEqual(made);
    const given = `easel_platform_${'a'.repeat(30)}`;
    const changed = await secrets(`--set=platform.token=${given}`);
    const of = (all: Manifest[], name: string) => all.find(({ metadata }) => metadata.name === name)!.data;
    expect(of(changed, 'easel-platform')).toEqual({ token: Buffer.from(given).toString('base64') });
    expect(of(changed, 'easel-server')).toEqual(of(made, 'easel-server'));
  });
});

/** With what Helm itself marks the objects of a release with. */
function owned({ metadata, ...manifest }: Manifest): Manifest {
  const release = { 'meta.helm.sh/release-name': 'easel', 'meta.helm.sh/release-namespace': metadata.namespace! };
  return { ...manifest, metadata: { ...metadata, annotations: { ...metadata.annotations, ...release } } };
}

/**
 * The same manifest in the namespaces of this test, with the ports of the nodes left to the cluster, and without what clusters older
 * than those that we support do not know (loadBalancerClass: Kubernetes 1.24).
 */
function moved(manifest: Manifest): Manifest {
  const { metadata, spec } = manifest;
  if (manifest.kind === 'Namespace') return { ...manifest, metadata: { ...metadata, name: 'easel-helm-test-new' } };
  if (metadata.namespace === undefined) return manifest;
  const namespace = metadata.namespace === 'easel' ? namespaces.release : namespaces.environments;
  if (manifest.kind !== 'Service') return { ...manifest, metadata: { ...metadata, namespace } };
  const { loadBalancerClass: _, ...rest } = spec!;
  const ports = (rest.ports as { nodePort?: number }[]).map(({ nodePort: _, ...port }) => port);
  return { ...manifest, metadata: { ...metadata, namespace }, spec: { ...rest, ports } };
}
