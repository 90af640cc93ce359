/** The published schemas of what the chart may render, also of kinds that an old cluster does not serve. */
import { Certificate } from '@kubernetes-models/cert-manager/cert-manager.io/v1/Certificate';
import { Gateway } from '@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/Gateway';
import { HTTPRoute } from '@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1/HTTPRoute';
import { ServiceMonitor } from '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor';
import { Deployment } from 'kubernetes-models/apps/v1/Deployment';
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler';
import { Job } from 'kubernetes-models/batch/v1/Job';
import { Ingress } from 'kubernetes-models/networking.k8s.io/v1/Ingress';
import { NetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1/NetworkPolicy';
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1/PodDisruptionBudget';
import { ClusterRole } from 'kubernetes-models/rbac.authorization.k8s.io/v1/ClusterRole';
import { ClusterRoleBinding } from 'kubernetes-models/rbac.authorization.k8s.io/v1/ClusterRoleBinding';
import { Role } from 'kubernetes-models/rbac.authorization.k8s.io/v1/Role';
import { RoleBinding } from 'kubernetes-models/rbac.authorization.k8s.io/v1/RoleBinding';
import { ConfigMap } from 'kubernetes-models/v1/ConfigMap';
import { Namespace } from 'kubernetes-models/v1/Namespace';
import { PersistentVolumeClaim } from 'kubernetes-models/v1/PersistentVolumeClaim';
import { Secret } from 'kubernetes-models/v1/Secret';
import { Service } from 'kubernetes-models/v1/Service';
import { ServiceAccount } from 'kubernetes-models/v1/ServiceAccount';
import type { Manifest } from '../kit/chart.ts';

interface Checked {
  validate(): void;
  toJSON(): object;
}

const models = [
  Certificate,
  ClusterRole,
  ClusterRoleBinding,
  ConfigMap,
  Deployment,
  Gateway,
  HTTPRoute,
  HorizontalPodAutoscaler,
  Ingress,
  Job,
  Namespace,
  NetworkPolicy,
  PersistentVolumeClaim,
  PodDisruptionBudget,
  Role,
  RoleBinding,
  Secret,
  Service,
  ServiceAccount,
  ServiceMonitor,
];

/** Google publishes no such schemas. */
const withoutSchema = 'networking.gke.io/v1';

/** What is wrong with a manifest; nothing for a kind that has no published schema. */
export function problemsOf(manifest: Manifest): string[] {
  if (manifest.apiVersion === withoutSchema) return [];
  const model = models.find(({ kind, apiVersion }) => kind === manifest.kind && apiVersion === manifest.apiVersion);
  if (!model) return [`there is no schema of ${manifest.apiVersion} ${manifest.kind}`];
  const checked: Checked = new (model as new (data: object) => Checked)(manifest);
  try {
    checked.validate();
    return [];
  } catch (err) {
    return [(err as Error).message];
  }
}
