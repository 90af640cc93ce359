import { describe, expect, it } from 'vitest';
import { instanceTypeSpecSchema } from './instance-type.ts';
import { platformFeaturesSchema, platformSettingsSchema } from './platform-settings.ts';

describe('settings of a platform', () => {
  it('have a default for everything', () => {
    expect(platformSettingsSchema.parse({})).toEqual({
      runtimeClass: null,
      workerImage: null,
      storageClass: null,
      snapshotClass: null,
      serviceAccount: null,
      nodeSelector: {},
      tolerations: [],
      labels: {},
      annotations: {},
      env: {},
      proxy: { http: null, https: null, no: null },
      registryMirrors: [],
      insecureRegistries: [],
      pullSecrets: [],
      extraCa: null,
      podTemplate: null,
    });
  });

  it('come back as they went out', () => {
    const once = platformSettingsSchema.parse({ labels: { 'example.com/team': 'a' }, proxy: { no: '.svc' } });
    expect(platformSettingsSchema.parse(JSON.parse(JSON.stringify(once)))).toEqual(once);
  });

  it.each([
    [{ runtimeClass: '../a' }, 'runtimeClass'],
    [{ labels: { 'a b': 'c' } }, 'labels.a b'],
    [{ env: { 'A=B': 'c' } }, 'env.A=B'],
    [{ registryMirrors: ['https://a b'] }, 'registryMirrors.0'],
    [{ insecureRegistries: ['host;rm'] }, 'insecureRegistries.0'],
    [{ pullSecrets: ['A_B'] }, 'pullSecrets.0'],
    [{ tolerations: [{ operator: 'Like' }] }, 'tolerations.0.operator'],
    [{ extraCa: 'none' }, 'extraCa'],
    [{ podTemplate: 'x'.repeat(70_000) }, 'podTemplate'],
    [{ runtimeclass: 'a' }, ''],
  ])('are refused as %j', (input, path) => {
    const issues = platformSettingsSchema.safeParse(input).error?.issues ?? [];
    expect(issues.map((issue) => issue.path.join('.'))).toEqual([path]);
  });
});

it('says of a feature whether it is there, and why not', () => {
  const there = { isAvailable: true, reason: null };
  expect(platformFeaturesSchema.safeParse({ snapshots: there, expansion: there }).success).toBe(true);
  expect(platformFeaturesSchema.safeParse({ snapshots: { isAvailable: true }, expansion: there }).success).toBe(false);
});

describe('an instance type', () => {
  it('needs a name alone', () => {
    expect(instanceTypeSpecSchema.parse({ name: 'small' })).toMatchObject({
      cpus: null,
      memoryBytes: null,
      diskBytes: 20 * 1024 ** 3,
      gpus: 0,
      nodeSelector: {},
    });
  });

  it.each([
    [{ cpus: 0.0005 }, 'cpus'],
    [{ memoryBytes: 1024 }, 'memoryBytes'],
    [{ gpus: -1 }, 'gpus'],
    [{ zone: 'a b' }, 'zone'],
    [{ nodeSelector: { a: 'b c' } }, 'nodeSelector.a'],
  ])('is refused with %j', (fields, path) => {
    const issues = instanceTypeSpecSchema.safeParse({ name: 'small', ...fields }).error?.issues ?? [];
    expect(new Set(issues.map((issue) => issue.path.join('.')))).toEqual(new Set([path]));
  });
});
