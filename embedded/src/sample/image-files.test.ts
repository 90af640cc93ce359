import { dirname } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { imageEntries, imageUser } from './image-files.ts';
import type { TarEntry } from './tar.ts';

let entries: TarEntry[];
beforeAll(async () => {
  entries = await imageEntries(process.execPath);
});

const at = (path: string) => entries.find((entry) => entry.path === path);

test('each path is there once, and its folder before it', () => {
  const seen = new Set(['/']);
  for (const { path } of entries) {
    expect(seen.has(path), path).toBe(false);
    expect(seen.has(dirname(path)), `${dirname(path)} before ${path}`).toBe(true);
    seen.add(path);
  }
});

test('it has a shell, git, Node.js and the libraries that they need', () => {
  for (const path of ['/usr/bin/sh', '/usr/bin/git', '/usr/local/bin/node']) expect(at(path), path).toBeDefined();
  expect(entries.some(({ path }) => /\/ld-[^/]*\.so/.test(path))).toBe(true);
  expect(entries.some(({ path }) => path.endsWith('/libc.so.6'))).toBe(true);
});

test('its user owns a home and is not root', () => {
  expect(imageUser.uid).toBeGreaterThan(0);
  expect(at(imageUser.home)).toMatchObject({ type: 'folder', owner: { uid: imageUser.uid, gid: imageUser.gid } });
  expect(at('/etc/passwd')).toMatchObject({ text: expect.stringContaining(`${imageUser.name}:x:${imageUser.uid}:`) });
  expect(at('/tmp')).toMatchObject({ mode: 0o1777 });
});

test('a program of many names is packed once', () => {
  const sources = entries.flatMap((entry) => (entry.type === 'file' ? [entry.source] : []));
  expect(sources.filter((source) => source.includes('/git-core/')).length).toBeLessThan(60);
  expect(new Set(sources).size).toBe(sources.length);
});
