import { expect, it } from 'vitest';
import { changesOf } from './before-after.ts';

it('names what differs, deep inside, and nothing else', () => {
  const before = { name: 'a', idle_minutes: 30, spec: { cpus: 1, labels: { a: '1' } }, types: ['x'], branch: null };
  const after = {
    name: 'a',
    idle_minutes: 60,
    spec: { cpus: 2, labels: { a: '1' } },
    types: ['x', 'y'],
    branch: 'main',
  };
  expect(changesOf(before, after)).toEqual({
    idleMinutes: { from: 30, to: 60 },
    'spec.cpus': { from: 1, to: 2 },
    types: { from: ['x'], to: ['x', 'y'] },
    branch: { from: null, to: 'main' },
  });
});

it('says that a secret has changed, and not what it was or is', () => {
  const canary = 'canary-hunter2';
  const of = (tail: string) => ({
    password_hash: canary + tail,
    secret: canary + tail,
    env: { API_KEY: canary + tail },
    repository_url: `https://me:${canary}${tail}@git.example.com/a.git`,
    settings: {
      bindPassword: canary + tail,
      podTemplate: canary + tail,
      annotations: { a: canary + tail },
      proxy: { http: `http://u:${canary}${tail}@proxy.example.com:${tail.length}` },
    },
    sidecars: [{ name: 'db', env: { PASSWORD: canary + tail } }],
  });
  const changes = changesOf(of('1'), of('22'));
  expect(JSON.stringify(changes)).not.toContain(canary);
  expect(Object.keys(changes).sort()).toEqual([
    'env.API_KEY',
    'passwordHash',
    'repositoryUrl',
    'secret',
    'settings.annotations.a',
    'settings.bindPassword',
    'settings.podTemplate',
    'settings.proxy.http',
    'sidecars',
  ]);
  expect(changes['settings.proxy.http']).toEqual({
    from: 'http://proxy.example.com:1',
    to: 'http://proxy.example.com:2',
  });
});

it('has an end, however much changes', () => {
  const of = (value: string) =>
    Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`c${i}`, value.repeat(10_000)]));
  expect(JSON.stringify(changesOf(of('a'), of('b'))).length).toBeLessThan(60_000);
});
