/**
 * The schemas let fields pass that they do not know, and so does a cluster, in silence. The types that are published with them do
 * not: each manifest is checked as a literal of its type.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { installations, type Manifest, manifestsOf, template } from '../kit/chart.ts';
import { root, runTool } from '../kit/command.ts';

const packages: Record<string, string> = {
  'cert-manager.io/v1': '@kubernetes-models/cert-manager/',
  'gateway.networking.k8s.io/v1': '@kubernetes-models/gateway-api/',
  'monitoring.coreos.com/v1': '@kubernetes-models/prometheus-operator/',
};
/** Google publishes no types. */
const withoutTypes = 'networking.gke.io/v1';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(root, 'node_modules/.cache/easel-fields-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function compile(manifests: readonly Manifest[]): Promise<string> {
  const typed = manifests.filter(({ apiVersion }) => apiVersion !== withoutTypes);
  const lines = typed.map((manifest, index) => {
    const { apiVersion, kind } = manifest;
    const from = `${packages[apiVersion] ?? 'kubernetes-models/'}${apiVersion}/${kind}`;
    return `export const m${index}: import('${from}').I${kind} = ${JSON.stringify(manifest)};`;
  });
  const file = join(folder, 'manifests.ts');
  writeFileSync(file, `${lines.join('\n')}\n`);
  const how = ['--ignoreConfig', '--noEmit', '--skipLibCheck', '--strict', '--target', 'es2023'];
  return (await runTool('tsc', [...how, '--module', 'nodenext', '--pretty', 'false', file])).output;
}

it('has no field that Kubernetes does not know', async () => {
  const renders = await Promise.all(Object.keys(installations).map((name) => template(name)));
  const manifests = renders.flatMap(({ output }) => manifestsOf(output));
  expect(manifests.length).toBeGreaterThan(100);
  expect(await compile(manifests)).toBe('');
});

it('would say if it had one', async () => {
  const budget = { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'a' } };
  expect(await compile([{ ...budget, spec: { maxUnavaiable: 1 } }])).toMatch(/maxUnavaiable.* does not exist/);
});
