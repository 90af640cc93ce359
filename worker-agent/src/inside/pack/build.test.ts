import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { buildPack } from './build.ts';
import { helperCommand, helperEnvironment, PACK } from './layout.ts';

const into = mkdtempSync(join(tmpdir(), 'easel-pack-'));
afterAll(() => rmSync(into, { recursive: true, force: true }));

it('is made once, and then found up to date', async () => {
  const first = await buildPack({ into });
  expect(first.isNew).toBe(true);
  const startedAt = performance.now();
  expect(await buildPack({ into })).toEqual({ ...first, isNew: false });
  expect(performance.now() - startedAt).toBeLessThan(3_000);
  expect(readdirSync(join(into, 'packs'))).toHaveLength(1);
}, 60_000);

it('runs its helper and its programs with nothing from the machine but a shell', async () => {
  const { path, programs } = await buildPack({ into });
  const [loader, ...rest] = helperCommand(path) as [string, ...string[]];
  const usage = () => execFileSync(loader, rest, { env: {}, stdio: 'pipe' });
  expect(usage).toThrow(/usage: helper serve SOCKET/);
  for (const name of programs.filter((program) => program !== 'scp' && program !== 'stty')) {
    const said = execFileSync(join(path, PACK.bin, name), ['--version'], { env: {}, encoding: 'utf8' });
    expect(said).toMatch(new RegExp(`^${name} +version`));
  }
  expect(existsSync(join(path, PACK.bin, 'scp'))).toBe(true);
});

it('keeps the packs that environments may still run with', async () => {
  const { path } = await buildPack({ into });
  expect(realpathSync(path)).toContain(`${join(into, 'packs')}/`);
});

it('keeps variables that would change the helper from it, and gives them back to its children', () => {
  expect(helperEnvironment({ NODE_OPTIONS: '--require ./x.js', LD_PRELOAD: '', PATH: '/bin' })).toEqual({
    NODE_OPTIONS: '',
    EASEL_SAVED_NODE_OPTIONS: '--require ./x.js',
  });
});
