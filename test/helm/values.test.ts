import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { template } from '../kit/chart.ts';
import { root } from '../kit/command.ts';

it('refuses a value that cannot be, and says where', async () => {
  const refusals: [string, RegExp][] = [
    ['publicURL=https://a.example.com', /publicURL.* not allowed/],
    ['server.replica=2', /server.*replica.* not allowed/s],
    ['publicUrl=easel.example.com', /\/publicUrl.*does not match pattern/s],
    ['relay.publicUrl=https://relay.example.com', /\/relay\/publicUrl.*does not match pattern/s],
    ['secrets.secretKey=short', /\/secrets\/secretKey.*does not match pattern/s],
    ['server.replicas=-1', /\/server\/replicas.*minimum/s],
    ['server.image.tag=a:b', /\/server\/image\/tag.*does not match pattern/s],
    ['expose.kind=route', /\/expose\/kind.*must be one of/s],
    ['environments.namespace.name=Upper', /\/environments\/namespace\/name.*does not match pattern/s],
    ['server.env.EASEL_GRACE_SECONDS=600', /\/server\/env\/EASEL_GRACE_SECONDS.*want string/s],
    ['jump.service.loadBalancerSourceRanges={everywhere}', /loadBalancerSourceRanges\/0.*does not match pattern/s],
    ['platform.name=Main Platform', /\/platform\/name.*does not match pattern/s],
  ];
  for (const [value, complaint] of refusals) {
    const { code, output } = await template('onprem', [`--set=${value}`]);
    expect(code, value).not.toBe(0);
    expect(output, value).toMatch(complaint);
  }
});

it('says which value is missing, in one sentence', async () => {
  const refusals: [string, string[], RegExp][] = [
    ['onprem', ['publicUrl='], /publicUrl is required: where people reach Easel/],
    ['onprem', ['database.existingSecret.name='], /database.url or database.existingSecret.name is required/],
    ['onprem', ['objectStore.s3.bucket='], /objectStore.s3.bucket is required/],
    [
      'onprem',
      ['objectStore.s3.existingSecret.name='],
      /objectStore.s3.existingSecret.name, or accessKey and secretKey/,
    ],
    ['onprem', ['relay.publicUrl='], /relay.publicUrl is required/],
    ['onprem', ['jump.host='], /jump.host is required/],
    ['onprem', ['expose.tls.issuer.name='], /expose.tls.issuer.name is required/],
    ['onprem', ['expose.tls.kind=secret'], /expose.tls.secretName is required/],
    ['onprem', ['expose.kind=gateway'], /expose.gateway.name is required/],
    ['evaluation', ['server.replicas=2'], /objectStore.kind "files" is a folder of one server/],
    ['platform-only', ['platform.serverUrl='], /platform.serverUrl is required without server.enabled/],
    ['platform-only', ['platform.existingSecret.name='], /platform.token or platform.existingSecret.name is required/],
  ];
  for (const [name, values, complaint] of refusals) {
    const { code, output } = await template(
      name,
      values.map((value) => `--set=${value}`),
    );
    expect(code, values.join()).not.toBe(0);
    expect(output, values.join()).toMatch(complaint);
  }
});

it('has a comment above every value', () => {
  const lines = readFileSync(join(root, 'helm/values.yaml'), 'utf8').split('\n');
  const bare = lines.filter((line, index) => /^ *[\w./-]+:/.test(line) && !/^ *# ./.test(lines[index - 1] ?? ''));
  expect(bare).toEqual([]);
});

it('has a schema of every value, and no more', () => {
  const values = parse(readFileSync(join(root, 'helm/values.yaml'), 'utf8')) as object;
  const schema = JSON.parse(readFileSync(join(root, 'helm/values.schema.json'), 'utf8')) as Schema;
  expect(pathsOf(values)).toEqual(pathsOfSchema(schema, schema).filter((path) => path !== '.global'));
});

interface Schema {
  $ref?: string;
  $defs?: Record<string, Schema>;
  properties?: Record<string, Schema>;
}

/** Free maps, whose keys the administrator chooses. */
const isFree = (path: string) => /(resources|[aA]nnotations|nodeSelector|env|affinity)$/.test(path);

function pathsOf(value: unknown, prefix = ''): string[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || isFree(prefix)) return [];
  return Object.entries(value)
    .flatMap(([key, inner]) => [`${prefix}.${key}`, ...pathsOf(inner, `${prefix}.${key}`)])
    .sort();
}

function pathsOfSchema(schema: Schema, top: Schema, prefix = ''): string[] {
  const resolved = schema.$ref ? top.$defs![schema.$ref.replace('#/$defs/', '')]! : schema;
  if (isFree(prefix)) return [];
  return Object.entries(resolved.properties ?? {})
    .flatMap(([key, inner]) => [`${prefix}.${key}`, ...pathsOfSchema(inner, top, `${prefix}.${key}`)])
    .sort();
}
