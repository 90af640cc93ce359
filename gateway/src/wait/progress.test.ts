import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { createOutput } from '../output/output.ts';
import { anEnvironment, aStep } from '../testing/an-environment.ts';
import { aScreen } from '../testing/screen.ts';
import { createProgress, current, news } from './progress.ts';

const starting = anEnvironment({ phase: 'starting', steps: [aStep(), aStep({ name: 'volume', number: 2 })] });
const image = aStep({ state: 'done', durationMs: 1234, text: 'debian:12 is here' });

it('tells a phase with its reason, and again when the reason changes', () => {
  const waiting = anEnvironment({ phase: 'provisioning', reason: 'no platform is free' });
  expect(news(undefined, waiting)).toEqual([{ mark: 'phase', text: 'provisioning: no platform is free' }]);
  expect(news(waiting, { ...waiting, version: 2 })).toEqual([]);
  expect(news(waiting, { ...waiting, reason: 'no disk' })).toEqual([{ mark: 'phase', text: 'provisioning: no disk' }]);
});

it('tells each step once, when it is over', () => {
  const active = { ...starting, steps: [aStep({ state: 'active' }), aStep({ number: 2 })] };
  const done = { ...starting, steps: [image, aStep({ name: 'volume', number: 2, state: 'skipped' })] };
  expect(news(starting, active)).toEqual([]);
  expect(news(active, done).map(({ mark }) => mark)).toEqual(['done', 'skipped']);
  expect(news(active, done)[0]?.text).toMatch(/^image +1\.2s +debian:12 is here$/);
  expect(news(done, done)).toEqual([]);
});

it('tells no steps of the past', () => {
  const deleting = anEnvironment({ phase: 'deleting', steps: [image] });
  expect(news(undefined, deleting)).toEqual([{ mark: 'phase', text: 'deleting' }]);
  expect(news(undefined, { ...starting, steps: [image] })).toHaveLength(2);
});

it('tells the last steps before the phase that they led to', () => {
  const done = { ...starting, phase: 'running' as const, steps: [image] };
  expect(news(starting, done).map(({ mark }) => mark)).toEqual(['done', 'phase']);
});

it('tells steps again in a new run', () => {
  const before = { ...starting, steps: [image] };
  expect(news(before, { ...before, generation: 2 })).toHaveLength(1);
});

it('says what goes on now, with how far it is', () => {
  const steps = [
    aStep({
      name: 'sources',
      state: 'active',
      fraction: 0.456,
      text: 'cloning\u001b[2J',
      startedAt: '2026-11-23T12:00:00Z',
    }),
  ];
  const now = current({ ...starting, steps });
  expect(now.text).toMatch(/^sources +45 % +cloning$/);
  expect(now.sinceMs).toBe(Date.parse('2026-11-23T12:00:00Z'));
  expect(current(anEnvironment({ phase: 'queued' })).text).toBe('queued');
});

function shown(options: { isTTY: boolean; isJson?: boolean }) {
  const screen = aScreen(options.isTTY);
  const io = {
    env: {},
    stdin: new PassThrough(),
    stdout: aScreen(false),
    stderr: screen,
    signal: new AbortController().signal,
  };
  const out = createOutput(io, { isJson: options.isJson ?? false, isColorRefused: false });
  const progress = createProgress(out, screen);
  progress.show(starting);
  progress.show({ ...starting, version: 2, steps: [image] });
  progress.end();
  return screen.text();
}

it('writes plain lines where there is no terminal', () => {
  expect(shown({ isTTY: false })).toBe('starting\n  done     image          1.2s  debian:12 is here\n');
});

it('draws one line again and again on a terminal, and leaves none behind', () => {
  const text = shown({ isTTY: true });
  expect(text).toContain('✓');
  expect(text).toMatch(/⠋ starting/);
  expect(text.endsWith('\r\u001b[2K')).toBe(true);
});

it('is silent with --json', () => expect(shown({ isTTY: true, isJson: true })).toBe(''));
