/** How the fields of the settings are laid out. `rows` makes a text area. */
import type { SettingsField } from '#lib/platform-settings-form.ts';
import { texts } from '#lib/texts.ts';

export type SettingsControl = {
  name: SettingsField;
  label: string;
  hint?: string;
  rows?: number;
  isWide?: boolean;
  placeholder?: string;
};

const t = texts.platform.settings;

export const SECTIONS: readonly { name: keyof typeof t.sections; fields: readonly SettingsControl[] }[] = [
  {
    name: 'pod',
    fields: [
      { name: 'runtimeClass', label: t.runtimeClass, hint: t.runtimeClassHint },
      { name: 'serviceAccount', label: t.serviceAccount, hint: t.serviceAccountHint },
      { name: 'workerImage', label: t.workerImage, hint: t.workerImageHint, isWide: true },
      { name: 'env', label: t.env, hint: t.envHint, rows: 2, isWide: true },
    ],
  },
  {
    name: 'placement',
    fields: [
      { name: 'nodeSelector', label: t.nodeSelector, hint: t.nodeSelectorHint, rows: 2 },
      { name: 'tolerations', label: t.tolerations, hint: t.tolerationsHint, rows: 2 },
    ],
  },
  {
    name: 'storage',
    fields: [
      { name: 'storageClass', label: t.storageClass, hint: t.storageClassHint },
      { name: 'snapshotClass', label: t.snapshotClass, hint: t.snapshotClassHint },
    ],
  },
  {
    name: 'registries',
    fields: [
      {
        name: 'registryMirrors',
        label: t.registryMirrors,
        hint: t.registryMirrorsHint,
        rows: 2,
        placeholder: 'https://mirror.example.com',
      },
      { name: 'insecureRegistries', label: t.insecureRegistries, hint: t.insecureRegistriesHint, rows: 2 },
      { name: 'pullSecrets', label: t.pullSecrets, hint: t.pullSecretsHint, rows: 2, isWide: true },
    ],
  },
  {
    name: 'network',
    fields: [
      { name: 'proxy.http', label: t.proxyHttp, placeholder: 'http://proxy.example.com:3128' },
      { name: 'proxy.https', label: t.proxyHttps, placeholder: 'http://proxy.example.com:3128' },
      { name: 'proxy.no', label: t.proxyNo, hint: t.proxyNoHint, isWide: true, placeholder: '10.0.0.0/8,.svc' },
      {
        name: 'extraCa',
        label: t.extraCa,
        hint: t.extraCaHint,
        rows: 3,
        isWide: true,
        placeholder: '-----BEGIN CERTIFICATE-----',
      },
    ],
  },
  {
    name: 'marks',
    fields: [
      { name: 'labels', label: t.labels, hint: t.labelsHint, rows: 2 },
      { name: 'annotations', label: t.annotations, hint: t.annotationsHint, rows: 2 },
    ],
  },
  {
    name: 'template',
    fields: [
      {
        name: 'podTemplate',
        label: t.podTemplate,
        hint: t.podTemplateHint,
        rows: 8,
        isWide: true,
        placeholder: 'spec:\n  priorityClassName: development',
      },
    ],
  },
];
