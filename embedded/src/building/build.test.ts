import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Screen } from '../screen.ts';
import { build } from './build.ts';
import type { BuildStep } from './steps.ts';

let checkout: string;
const step: BuildStep = {
  name: 'part',
  workspace: 'part',
  script: 'build',
  inputs: ['part/src'],
  outputs: ['part/dist/out'],
};
const screen = new Screen(new PassThrough().resume(), { isVerbose: false });
const runs = () => readFileSync(join(checkout, 'part/runs'), 'utf8').length;

beforeEach(() => {
  checkout = mkdtempSync(join(tmpdir(), 'easel-build-'));
  mkdirSync(join(checkout, 'part/src'), { recursive: true });
  writeFileSync(join(checkout, 'part/src/a'), '1');
  script('printf x >> runs; mkdir -p dist; cp src/a dist/out');
});
afterEach(() => rmSync(checkout, { recursive: true }));

function script(command: string): void {
  writeFileSync(join(checkout, 'part/package.json'), JSON.stringify({ scripts: { build: command } }));
}

test('a step runs when its inputs changed or its outputs are gone, and not otherwise', async () => {
  await build(checkout, [step], screen);
  await build(checkout, [step], screen);
  expect(runs()).toBe(1);
  writeFileSync(join(checkout, 'part/src/a'), '2');
  await build(checkout, [step], screen);
  expect(runs()).toBe(2);
  rmSync(join(checkout, 'part/dist'), { recursive: true });
  await build(checkout, [step], screen);
  expect(runs()).toBe(3);
});

test('a step that fails shows its last words and runs again the next time', async () => {
  script('echo "no such module" >&2; exit 4');
  await expect(build(checkout, [step], screen)).rejects.toThrow('building part failed (exit code 4):\nno such module');
  script('mkdir -p dist; touch dist/out');
  await build(checkout, [step], screen);
});

test('a step that succeeds without its output has failed', async () => {
  script('true');
  await expect(build(checkout, [step], screen)).rejects.toThrow('building part failed');
});
