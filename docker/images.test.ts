import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { IMAGES, labelsOf, referenceOf, repositoryOf, sourcePageOf } from './images.ts';
import { parseOptions } from './options.ts';

const checkout = join(import.meta.dirname, '..');
const dockerfile = readFileSync(join(import.meta.dirname, 'Dockerfile'), 'utf8');
const workspaces = (JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8')) as { workspaces: string[] })
  .workspaces;

test('every image has its stage, in the order in which they are built', () => {
  const stages = [...dockerfile.matchAll(/^FROM \S+ AS (easel-\S+)$/gm)].map(([, stage]) => stage);
  expect(stages).toEqual(IMAGES.map(repositoryOf));
});

test('the packages of all workspaces are installed from the lock file', () => {
  for (const workspace of workspaces) expect(dockerfile).toContain(`COPY ${workspace}/package.json ${workspace}/\n`);
});

test('the context has every workspace and no private file', () => {
  const ignored = readFileSync(join(checkout, '.dockerignore'), 'utf8').split('\n');
  expect(ignored).toContain('*');
  for (const workspace of workspaces) {
    expect(ignored.includes(`!${workspace}`) || ignored.includes(`!${workspace}/package.json`)).toBe(true);
  }
  for (const name of readdirSync(checkout).filter((name) => name.startsWith('.')))
    expect(ignored).not.toContain(`!${name}`);
});

test('nothing but the worker runs as root', () => {
  const stages = dockerfile.split(/^FROM /m).slice(1);
  const users = Object.fromEntries(
    stages.map((stage) => [/AS (\S+)/.exec(stage)?.[1], /^USER (\S+)/m.exec(stage)?.[1]] as const),
  );
  for (const name of ['relay', 'jump', 'scheduler', 'server']) {
    expect(stages.find((stage) => stage.includes(`AS easel-${name}\n`))).toMatch(/^service /);
  }
  expect(users).toMatchObject({ service: '10001:10001', 'easel-dev': 'dev', 'easel-worker': undefined });
});

test('an image is called by registry, name and tag', () => {
  expect(referenceOf('worker', { registry: undefined, tag: '1.2.3' })).toBe('easel-worker:1.2.3');
  expect(referenceOf('dev', { registry: 'registry.example.com/easel/', tag: 'edge' })).toBe(
    'registry.example.com/easel/easel-dev:edge',
  );
});

test('labels say what is known and nothing else', () => {
  const facts = { version: '1.2.3', revision: null, source: null, license: 'Apache-2.0' };
  expect(labelsOf(facts)).toEqual({
    'org.opencontainers.image.vendor': 'Easel',
    'org.opencontainers.image.version': '1.2.3',
    'org.opencontainers.image.licenses': 'Apache-2.0',
  });
});

test.each([
  ['https://git.example.com/team/easel.git', 'https://git.example.com/team/easel'],
  ['https://me:secret@git.example.com/team/easel', 'https://git.example.com/team/easel'],
  ['git@git.example.com:team/easel.git', 'https://git.example.com/team/easel'],
  ['ssh://git@git.example.com:2222/team/easel.git', 'https://git.example.com/team/easel'],
  ['/srv/git/easel.git', null],
  ['', null],
])('the remote %s stands for %s', (remote, page) => {
  expect(sourcePageOf(remote)).toBe(page);
});

test('options', () => {
  expect(parseOptions(['--only', 'worker,easel-relay', '--tag', 'edge'])).toMatchObject({
    images: ['worker', 'relay'],
    tag: 'edge',
    network: undefined,
    isPushed: false,
  });
  expect(parseOptions([])?.images).toEqual(IMAGES);
  expect(parseOptions(['--make-base'])).toMatchObject({ isStandIn: true, network: 'host' });
  expect(parseOptions(['--help'])).toBeNull();
});

test.each([
  [['--only', 'cook'], 'no image is called "cook"'],
  [['--tag', 'a b'], 'cannot be the tag'],
  [['--push'], '--push needs --registry'],
  [['--make-base', '--base', 'debian:12'], '--base cannot name another one'],
  [['--wat'], "Unknown option '--wat'"],
])('%j is refused', (args, words) => {
  expect(() => parseOptions(args)).toThrow(words);
});
