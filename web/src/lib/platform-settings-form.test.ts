import { platformSettingsSchema } from '@easel/schema/platform-settings';
import { expect, test } from 'vitest';
import { checkSettings, fieldErrors, settingsEntries } from './platform-settings-form.ts';

const stored = platformSettingsSchema.parse({
  runtimeClass: 'sysbox-runc',
  nodeSelector: { 'example.com/pool': 'easel' },
  tolerations: [{ key: 'dedicated', operator: 'Equal', value: 'easel', effect: 'NoSchedule' }],
  annotations: { note: 'two\nlines' },
  env: { A: '1' },
  proxy: { http: 'http://proxy:3128', no: '.svc' },
  registryMirrors: ['https://mirror.example.com'],
  insecureRegistries: ['registry:5000'],
  pullSecrets: ['registry-login'],
  extraCa: '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----',
  podTemplate: 'spec:\n  priorityClassName: development\n',
});

test('stored settings go through the form unchanged', () => {
  const { settings, errors } = checkSettings(settingsEntries(stored));
  expect([...errors]).toEqual([]);
  expect(settings).toEqual(stored);
});

test('an empty form is the defaults; what is stored in another shape shows as them', () => {
  const defaults = platformSettingsSchema.parse({});
  expect(checkSettings(settingsEntries(null)).settings).toEqual(defaults);
  expect(checkSettings(settingsEntries({ tolerations: 'all', oops: 1 })).settings).toEqual(defaults);
});

test('each error is told at its field', () => {
  const { settings, errors } = checkSettings({
    ...settingsEntries(null),
    runtimeClass: 'No Such',
    nodeSelector: 'no pair',
    labels: 'a b=c',
    tolerations: 'x:Never',
    env: '1A=x',
    registryMirrors: 'https://good.example.com\nnot a mirror',
    'proxy.http': 'x'.repeat(501),
    extraCa: 'no certificate',
  });
  expect(settings).toBeNull();
  expect([...errors.keys()].sort()).toEqual(
    ['env', 'extraCa', 'labels', 'nodeSelector', 'proxy.http', 'registryMirrors', 'runtimeClass', 'tolerations'].sort(),
  );
  expect(errors.get('nodeSelector')).toBe('Expected key=value in each line.');
  expect(errors.get('labels')).toBe('“a b”: expected a label key.');
});

test('what the server refuses is told at its field too', () => {
  const details = {
    fields: [
      { path: 'proxy.http', message: 'too long' },
      { path: 'pullSecrets.0', message: 'expected a name' },
      { path: 'labels.a/b', message: 'expected a label' },
      { path: 'unknown', message: 'x' },
      'noise',
    ],
  };
  expect([...fieldErrors(details, settingsEntries(null))]).toEqual([
    ['proxy.http', 'Too long.'],
    ['pullSecrets', 'Expected a name.'],
    ['labels', '“a/b”: expected a label.'],
  ]);
  expect(fieldErrors(null, settingsEntries(null)).size).toBe(0);
});
