/** Pods as the chart's tests look at them. */
import type { Manifest } from '../kit/chart.ts';

interface Container {
  image: string;
  env?: { name: string; value: string }[];
  ports?: { name: string }[];
  securityContext: unknown;
  resources: unknown;
  startupProbe?: { httpGet: unknown };
  livenessProbe?: { httpGet: unknown };
  readinessProbe?: { httpGet: unknown };
  lifecycle?: { preStop: { exec: { command: string[] } } };
}

interface PodSpec {
  automountServiceAccountToken: boolean;
  terminationGracePeriodSeconds?: number;
  securityContext: unknown;
  containers: Container[];
  initContainers?: Container[];
  volumes: object[];
}

interface Template {
  metadata: { labels: Record<string, string> };
  spec: PodSpec;
}

/** The pods that Deployments and Jobs make, and who makes them. */
export function podsOf(manifests: readonly Manifest[]) {
  return manifests
    .filter(({ kind }) => kind === 'Deployment' || kind === 'Job')
    .map(({ kind, metadata, spec }) => {
      const template = spec!.template as Template;
      return { owner: `${kind} ${metadata.name}`, kind, labels: template.metadata.labels, spec: template.spec };
    });
}
