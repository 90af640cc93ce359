import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LogFile } from './log-file.ts';
import { Screen } from './screen.ts';
import { type Program, Supervised } from './supervised.ts';

let folder: string;
let shown: string;
let screen: Screen;
let file: LogFile;
let supervised: Supervised | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'easel-supervised-'));
  shown = '';
  const out = new PassThrough();
  out.on('data', (chunk) => {
    shown += chunk;
  });
  screen = new Screen(out, { isVerbose: false });
  file = new LogFile(join(folder, 'p.log'));
});
afterEach(async () => {
  await supervised?.kill();
  file.close();
  rmSync(folder, { recursive: true });
});

/** A shell script that is ready when it prints its first line. */
function script(text: string): Program {
  return {
    name: 'part',
    launch: () => spawn('/bin/sh', ['-c', text], { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], detached: true }),
    ready: async (child) => ({ said: String((await once(child.stdout!, 'data'))[0]).trim() }),
    signals: { soft: 'SIGTERM', hard: 'SIGKILL' },
  };
}
const start = (text: string) => {
  supervised = new Supervised(script(text), screen, file);
  return supervised.start();
};

test('a start gives what the process announced, and its output is shown and kept', async () => {
  expect(await start('echo hello; exec sleep 60')).toEqual({ said: 'hello' });
  await supervised?.stop(5_000);
  expect(shown).toMatch(/part +hello\n/);
  expect(readFileSync(join(folder, 'p.log'), 'utf8')).toBe('hello\n');
});

test('a process that ends before it is ready fails the start with its last words, and is not tried again', async () => {
  await expect(start('echo tried >> tries; echo the port is taken >&2; exit 3')).rejects.toThrow(
    'part cannot start: ended with exit code 3; it said last:\n    the port is taken',
  );
  expect(shown).not.toContain('starting it again');
});

test('a program that is not there fails the start', async () => {
  const program = { ...script(''), launch: () => spawn('/nonexistent/program', { stdio: 'pipe' }) };
  supervised = new Supervised(program, screen, file);
  await expect(supervised.start()).rejects.toThrow('part cannot start: spawn /nonexistent/program ENOENT');
});

test('a process that ends by itself later is started again', async () => {
  await start('echo up; if [ ! -e once ]; then touch once; sleep 0.1; exit 9; fi; touch again; exec sleep 60');
  await vi.waitFor(() => expect(existsSync(join(folder, 'again'))).toBe(true), { timeout: 10_000 });
  await vi.waitFor(() => expect(shown).toContain('part is up again'));
  expect(shown).toContain('part ended with exit code 9; starting it again in');
});

test('a stop while it waits to start again leaves nothing to come', async () => {
  await start('echo up; sleep 0.05; exit 1');
  await vi.waitFor(() => expect(shown).toContain('starting it again'));
  await supervised?.stop(1_000);
  shown = '';
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  expect(shown).toBe('');
});

test('a process that does not stop in its time is killed', async () => {
  await start('trap "" TERM; echo up; while :; do sleep 0.05; done');
  await supervised?.stop(100);
  expect(shown).toContain('part did not stop in 0 s and is ended');
});

test('a restart that fails waits for the next one', async () => {
  await start('if [ -e broken ]; then exit 1; fi; echo up; exec sleep 60');
  writeFileSync(join(folder, 'broken'), '');
  await supervised?.restart();
  rmSync(join(folder, 'broken'));
  await supervised?.restart();
  expect(shown).toContain('part is up again');
  expect(shown).not.toContain('starting it again in');
});
