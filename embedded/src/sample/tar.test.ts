import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type TarEntry, writeTar } from './tar.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'easel-tar-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function archive(entries: TarEntry[]): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of writeTar(entries)) parts.push(part);
  return Buffer.concat(parts);
}

test('what tar reads is what was written', async () => {
  const content = Buffer.from(Array.from({ length: 1_000_003 }, (_, index) => index % 251));
  writeFileSync(join(folder, 'source'), content);
  const long = `deep/${'folder/'.repeat(20)}file`;
  const input = await archive([
    { type: 'folder', path: '/deep', mode: 0o755 },
    { type: 'file', path: '/deep/program', mode: 0o755, source: join(folder, 'source') },
    { type: 'text', path: '/deep/text', mode: 0o600, text: 'grüße\n' },
    { type: 'text', path: `/${long}`, mode: 0o644, text: '' },
    { type: 'link', path: '/deep/link', mode: 0o777, target: 'text' },
  ]);
  execFileSync('tar', ['-x', '-C', folder, '--no-same-owner'], { input });
  expect(readFileSync(join(folder, 'deep/program')).equals(content)).toBe(true);
  expect(statSync(join(folder, 'deep/program')).mode & 0o777).toBe(0o755);
  expect(readFileSync(join(folder, 'deep/text'), 'utf8')).toBe('grüße\n');
  expect(readFileSync(join(folder, long), 'utf8')).toBe('');
  expect(readlinkSync(join(folder, 'deep/link'))).toBe('text');
});

test('owners are as they were given, and root otherwise', async () => {
  const input = await archive([
    { type: 'text', path: '/a', mode: 0o644, text: 'a' },
    { type: 'text', path: '/b', mode: 0o644, text: 'b', owner: { uid: 1000, gid: 1001 } },
  ]);
  const listing = execFileSync('tar', ['-tv', '--numeric-owner'], { input, encoding: 'utf8' });
  expect(listing.split('\n').map((line) => line.split(/\s+/)[1])).toEqual(['0/0', '1000/1001', undefined]);
});

test('a path that no header can hold is refused', async () => {
  await expect(archive([{ type: 'text', path: `/${'x'.repeat(120)}`, mode: 0o644, text: '' }])).rejects.toThrow(
    'too long',
  );
});
