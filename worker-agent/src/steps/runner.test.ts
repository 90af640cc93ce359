import { type FakeClock, fakeClock } from '@easel/kit/fake-clock';
import { silentLog } from '@easel/kit/log';
import type { WorkerEvent } from '@easel/schema/wire/worker';
import { beforeEach, expect, test } from 'vitest';
import { Failed } from './failed.ts';
import { createStepRunner, type StepRunner } from './runner.ts';
import { Undo } from './undo.ts';

let clock: FakeClock;
let events: WorkerEvent[];
let lines: string[];
let stop: AbortController;
let steps: StepRunner;

beforeEach(() => {
  clock = fakeClock();
  events = [];
  lines = [];
  stop = new AbortController();
  steps = createStepRunner({
    report: (event) => events.push(event),
    line: (source, _stream, text) => lines.push(`${source}: ${text}`),
    undo: new Undo({ log: silentLog, clock }),
    clock,
    log: silentLog,
    signal: stop.signal,
  });
});

/** Settles when the signal aborts. */
const untilAborted = (signal: AbortSignal) =>
  new Promise<never>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

test('a step that goes well is started, finished with its time, and gives its value', async () => {
  const done = steps.run('volume', 1_000, async () => {
    await clock.sleep(250);
    return { value: 42, text: 'Ready.' };
  });
  await clock.advance(250);
  expect(await done).toBe(42);
  expect(events).toEqual([
    { type: 'step.started', step: 'volume', text: '' },
    { type: 'step.finished', step: 'volume', durationMs: 250, text: 'Ready.' },
  ]);
  expect(lines).toEqual(['volume: Ready.']);
  expect(clock.pending).toBe(0);
});

test('progress is told now and then, never twice the same, never out of bounds', async () => {
  const done = steps.run('image', null, async ({ progress }) => {
    for (const fraction of [0, 0.1, 0.1, 7]) {
      progress(fraction, 'Pulling');
      progress(fraction, 'Pulling');
      await clock.sleep(500);
    }
    return { value: undefined };
  });
  await clock.advance(2_000);
  await done;
  expect(events.filter(({ type }) => type === 'step.progressed')).toMatchObject([
    { fraction: 0 },
    { fraction: 0.1 },
    { fraction: 1 },
  ]);
});

test('a failure is reported with its step', async () => {
  const work = () => Promise.reject(new Failed({ class: 'image', message: 'no such image' }));
  await expect(steps.run('image', null, work)).rejects.toMatchObject({ failure: { class: 'image', step: 'image' } });
  expect(events.at(-1)).toMatchObject({ type: 'step.failed', failure: { message: 'no such image', step: 'image' } });
  expect(lines).toEqual(['image: Failed: no such image']);
});

test('an error of the system for a full disk is a full disk; any other is ours and keeps its words to the log', async () => {
  const full = Object.assign(new Error('write'), { code: 'ENOSPC' });
  await expect(
    steps.run('volume', null, () => Promise.reject(new Error('outer', { cause: full }))),
  ).rejects.toMatchObject({
    failure: { class: 'disk_full' },
  });
  const secretive = steps.run('volume', null, () => Promise.reject(new Error('password is hunter2')));
  await expect(secretive).rejects.toMatchObject({ failure: { class: 'internal' } });
  expect(JSON.stringify(events)).not.toContain('hunter2');
});

test('a step that takes too long is cut and fails as such', async () => {
  const done = steps.run('sources', 5_000, ({ signal }) => untilAborted(signal));
  const outcome = expect(done).rejects.toMatchObject({ failure: { class: 'timed_out', step: 'sources' } });
  await clock.advance(5_000);
  await outcome;
  expect(events.at(-1)).toMatchObject({ type: 'step.failed', durationMs: 5_000 });
  expect(clock.pending).toBe(0);
});

test('a step that does not heed its signal is left behind', async () => {
  const done = steps.run('sources', 5_000, () => new Promise<never>(() => undefined));
  const outcome = expect(done).rejects.toMatchObject({ failure: { class: 'timed_out' } });
  await clock.advance(15_000);
  await outcome;
});

test('a stop in the middle is no failure', async () => {
  const done = steps.run('hooks', null, ({ signal }) => untilAborted(signal));
  const reason = new Error('stop');
  stop.abort(reason);
  await expect(done).rejects.toBe(reason);
  expect(events.map(({ type }) => type)).toEqual(['step.started', 'step.skipped']);
  await expect(steps.run('ide', null, async () => ({ value: 1 }))).rejects.toBe(reason);
  expect(events).toHaveLength(2);
});

test('a step that ends just as the stop comes does not go on', async () => {
  const work = async () => {
    stop.abort(new Error('stop'));
    return { value: 1 };
  };
  await expect(steps.run('hooks', null, work)).rejects.toThrow('stop');
});

test('a step with nothing to do says so', () => {
  steps.skip('ide', 'No IDE.');
  expect(events).toEqual([{ type: 'step.skipped', step: 'ide', text: 'No IDE.' }]);
});
