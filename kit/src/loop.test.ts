import { expect, it } from 'vitest';
import { fakeClock } from './fake-clock.ts';
import { createLog, silentLog } from './log.ts';
import { createWake, runLoop } from './loop.ts';

function setUp() {
  const clock = fakeClock();
  const controller = new AbortController();
  return {
    clock,
    controller,
    base: { name: 'sweep', everyMs: 1_000, signal: controller.signal, log: silentLog, clock },
  };
}

it('takes its first turn at a random moment and the next ones in step', async () => {
  const { clock, controller, base } = setUp();
  const turns: number[] = [];
  const done = runLoop({ ...base, random: () => 0.4 }, () => void turns.push(clock.now()));
  await clock.advance(2_500);
  expect(turns).toEqual([400, 1_400, 2_400]);
  controller.abort();
  await done;
  expect(clock.pending).toBe(0);
});

it('takes its first turn now when asked to', async () => {
  const { clock, controller, base } = setUp();
  let turns = 0;
  const done = runLoop({ ...base, immediately: true }, () => void turns++);
  await clock.advance(0);
  expect(turns).toBe(1);
  controller.abort();
  await done;
});

it('never overlaps itself, and a wake during a turn leads to one more', async () => {
  const { clock, controller, base } = setUp();
  const wake = createWake(clock);
  let running = 0;
  let most = 0;
  let turns = 0;
  const done = runLoop({ ...base, wake, immediately: true }, async () => {
    turns++;
    most = Math.max(most, ++running);
    await clock.sleep(100);
    running--;
  });
  await clock.advance(50);
  wake.wake();
  wake.wake();
  await clock.advance(200);
  expect({ turns, most }).toEqual({ turns: 2, most: 1 });
  await clock.advance(500);
  expect(turns).toBe(2);
  controller.abort();
  await clock.advance(200);
  await done;
});

it('logs a failed turn and tries again, waiting longer each time', async () => {
  const { clock, controller, base } = setUp();
  const lines: { message: string; attempt: number; loop: string }[] = [];
  const log = createLog('tester', { destination: { write: (line) => void lines.push(JSON.parse(line)) } });
  const turns: number[] = [];
  const done = runLoop({ ...base, log, immediately: true, random: () => 0.999 }, () => {
    turns.push(clock.now());
    if (turns.length <= 3) throw new Error('no');
  });
  await clock.advance(3_000);
  expect(turns.slice(0, 4)).toEqual([0, 499, 1_498, 2_497]);
  expect(lines.map((line) => line.attempt)).toEqual([1, 2, 3]);
  expect(lines[0]).toMatchObject({ message: 'loop turn failed', loop: 'sweep' });
  controller.abort();
  await done;
});

it('ends when its signal aborts in the middle of a turn', async () => {
  const { clock, controller, base } = setUp();
  const done = runLoop({ ...base, immediately: true }, (signal) => clock.sleep(60_000, signal));
  await clock.advance(10);
  controller.abort(new Error('stopping'));
  await done;
  expect(clock.pending).toBe(0);
});

it('a wake that comes before the wait ends it at once', async () => {
  const clock = fakeClock();
  const wake = createWake(clock);
  wake.wake();
  expect(await wake.wait(1_000)).toBe(true);
  const second = wake.wait(1_000);
  await clock.advance(1_000);
  expect(await second).toBe(false);
});

it('an aborted wait is not a wake', async () => {
  const clock = fakeClock();
  const wake = createWake(clock);
  const controller = new AbortController();
  const waited = wake.wait(1_000, controller.signal);
  controller.abort();
  expect(await waited).toBe(false);
  expect(clock.pending).toBe(0);
});
