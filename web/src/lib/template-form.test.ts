import { expect, test } from 'vitest';
import type { TemplateDetail } from './operations/templates.ts';
import { checkTemplate, emptyEntries, entriesOf, parseEnvLines, type TemplateEntries } from './template-form.ts';

const good: TemplateEntries = { ...emptyEntries(), name: 'web-shop', url: 'https://git.example.com/a/b.git' };

const stored: TemplateDetail = {
  id: 'tpl1',
  name: 'web-shop',
  namespace: { id: 'nsp1', name: 'default', isDefault: true },
  description: 'The shop',
  repositoryUrl: 'https://git.example.com/a/b.git',
  branch: null,
  projectRoot: 'server',
  image: 'node:24',
  env: { A: '1', B: 'x=y' },
  scripts: { init: { run: 'npm ci', timeoutSeconds: 900 }, start: null },
  sidecars: [{ name: 'db', image: 'postgres:18', env: { P: 'a=b' }, command: ['postgres', '-c', 'fsync=off'] }],
  idePort: 5990,
  inactivityMinutes: 0,
  instanceTypes: ['medium', 'small'],
  createdAt: '2026-11-23T12:00:00Z',
  environmentCount: 2,
};

test('the least that is needed is a name and a repository', () => {
  const { input, errors } = checkTemplate(good);
  expect([...errors]).toEqual([]);
  expect(input).toMatchObject({ name: 'web-shop', repository: { url: good.url, branch: null }, env: {}, sidecars: [] });
});

test('a stored template goes through the form unchanged', () => {
  const { input } = checkTemplate(entriesOf(stored));
  expect(input).toEqual({
    name: 'web-shop',
    description: 'The shop',
    repository: { url: stored.repositoryUrl, branch: null },
    projectRoot: 'server',
    image: 'node:24',
    env: stored.env,
    scripts: { init: { run: 'npm ci', timeoutSeconds: 900 }, start: null, stop: null },
    sidecars: stored.sidecars,
    idePort: 5990,
    inactivityMinutes: 0,
    instanceTypes: ['medium', 'small'],
  });
});

test('a stored part of another shape shows as empty instead of breaking the page', () => {
  const entries = entriesOf({ ...stored, env: 'oops', scripts: [1], sidecars: { a: 1 } });
  expect(entries.variables).toEqual([]);
  expect(entries.scripts.init.run).toBe('');
  expect(entries.sidecars).toEqual([]);
});

test('each error is told at its field', () => {
  const { input, errors } = checkTemplate({
    ...good,
    name: 'Web Shop',
    url: 'ext::sh',
    branch: '--x',
    projectRoot: '../..',
    image: 'Not An Image',
    idePort: '99999',
    inactivityMinutes: 'soon',
    variables: [
      { key: 1, name: '1A', value: 'x' },
      { key: 2, name: 'B', value: '1' },
      { key: 3, name: 'B', value: '2' },
      { key: 4, name: '', value: '' },
    ],
    scripts: { ...good.scripts, init: { run: 'x', timeoutSeconds: '0' } },
    sidecars: [{ key: 5, name: 'DB', image: '', env: 'nonsense', command: '' }],
  });
  expect(input).toBeNull();
  expect([...errors.keys()].sort()).toEqual([
    'branch',
    'idePort',
    'image',
    'inactivityMinutes',
    'name',
    'projectRoot',
    'scripts.init.timeoutSeconds',
    'sidecars.0.env',
    'sidecars.0.image',
    'sidecars.0.name',
    'url',
    'variables.0.name',
    'variables.2.name',
  ]);
});

test('variables of a sidecar are lines; values may hold "="', () => {
  expect(parseEnvLines('A=1\n\nB=x=y')).toEqual({ A: '1', B: 'x=y' });
  expect(parseEnvLines('A')).toBeNull();
  expect(parseEnvLines('=x')).toBeNull();
});
