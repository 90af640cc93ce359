import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { installations, type Manifest, manifestsOf, template } from '../kit/chart.ts';
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
