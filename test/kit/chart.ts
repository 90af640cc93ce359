/** Renders the chart with the real Helm, and reads what comes out. */
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { root, run } from './command.ts';
import { hasHelm, helm, helmRemedy } from './helm.ts';

export const chartDir = join(root, 'helm');
const valuesDir = join(root, 'test/helm/values');

export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
  };
  // Objects of many kinds: a test looks into those that it knows.
  spec?: Record<string, unknown>;
  data?: Record<string, string>;
  rules?: { apiGroups: string[]; resources: string[]; verbs: string[] }[];
}

/** How the chart is installed in tests: a profile of the chart, then values of ours. */
export const installations: Readonly<Record<string, { profile?: string; values: string }>> = {
  eks: { profile: 'eks', values: 'cloud' },
  aks: { profile: 'aks', values: 'cloud' },
  gke: { profile: 'gke', values: 'cloud' },
  onprem: { profile: 'onprem', values: 'cloud' },
  evaluation: { profile: 'evaluation', values: 'evaluation' },
  'platform-only': { values: 'platform-only' },
  'server-only': { values: 'server-only' },
  everything: { values: 'everything' },
};

/** Runs `helm template`; the text, or what Helm complains of. */
export async function template(
  name: string,
  args: readonly string[] = [],
  chartFolder: string = chartDir,
): Promise<{ code: number; output: string }> {
  const chart = ['easel', chartFolder, '--namespace=easel', '--kube-version=1.33.0'];
  const { code, stdout, output } = await runHelm(['template', ...chart, ...valuesOf(name), ...args]);
  return { code, output: code === 0 ? stdout : output };
}

export function lint(name: string): Promise<{ code: number; output: string }> {
  return runHelm(['lint', '--strict', chartDir, ...valuesOf(name)]);
}

/** Two tests of one machine that both fetch it end up with one. */
function runHelm(args: readonly string[]) {
  if (!hasHelm()) throw new Error(`helm is missing; ${helmRemedy}`);
  return run(helm, args);
}

function valuesOf(name: string): string[] {
  const { profile, values } = installations[name]!;
  const files = [...(profile ? [join(chartDir, `values-${profile}.yaml`)] : []), join(valuesDir, `${values}.yaml`)];
  return files.map((file) => `--values=${file}`);
}

/** Throws when it is not YAML that every parser reads alike. */
export function manifestsOf(text: string): Manifest[] {
  return parseAllDocuments(text, { version: '1.2', uniqueKeys: true, strict: true }).flatMap((document) => {
    if (document.errors.length > 0) throw new Error(document.errors.map((err) => err.message).join('\n'));
    const manifest = document.toJS() as Manifest | null;
    return manifest === null ? [] : [manifest];
  });
}

/** What a render makes anew each time is left out of its comparison. */
export function withoutSecrets(text: string): string {
  return text
    .replace(/^( +(?:secret-key|token|host_\w+\.pem): )[A-Za-z0-9+/=]{20,}$/gm, '$1<made at the installation>')
    .replace(/^( +checksum\/secrets: )[0-9a-f]{64}$/gm, '$1<of these>');
}
