import { expect, it } from 'vitest';
import { fakeClock } from './fake-clock.ts';
import { createLog } from './log.ts';
import { Stop } from './stop.ts';

function setUp(softMs = 1_000) {
  const lines: { message: string; closer?: string }[] = [];
  const log = createLog('tester', { destination: { write: (line) => void lines.push(JSON.parse(line)) } });
  const clock = fakeClock();
  return { stop: new Stop({ log, clock, softMs }), clock, lines };
}

it('runs the closers in reverse order, one after the other', async () => {
  const { stop, clock } = setUp();
  const order: string[] = [];
  for (const name of ['database', 'queue', 'listener']) {
    stop.add(name, async () => {
      order.push(`${name} begins`);
      await clock.sleep(10);
      order.push(`${name} ends`);
    });
  }
  const stopped = stop.run('test');
  await clock.advance(30);
  await stopped;
  expect(order).toEqual(['listener', 'queue', 'database'].flatMap((name) => [`${name} begins`, `${name} ends`]));
  expect(clock.pending).toBe(0);
});

it('aborts its signal before the first closer', async () => {
  const { stop } = setUp();
  let wasAborted = false;
  stop.add('loop', () => {
    wasAborted = stop.signal.aborted;
  });
  expect(stop.stopping).toBe(false);
  await stop.run('test');
  expect(wasAborted).toBe(true);
  expect(stop.stopping).toBe(true);
});

it('stops once, however often it is asked', async () => {
  const { stop } = setUp();
  let calls = 0;
  stop.add('count', () => void calls++);
  expect(stop.run('first')).toBe(stop.run('second'));
  await stop.run('third');
  expect(calls).toBe(1);
});

it('logs a closer that fails and goes on', async () => {
  const { stop, lines } = setUp();
  let wasReached = false;
  stop.add('first', () => {
    wasReached = true;
  });
  stop.add('broken', () => {
    throw new Error('no');
  });
  await stop.run('test');
  expect(wasReached).toBe(true);
  expect(lines.find((line) => line.message === 'closer failed')?.closer).toBe('broken');
});

it('leaves a hanging closer behind and gives the next one what is left', async () => {
  const { stop, clock, lines } = setUp(1_000);
  const given: number[] = [];
  stop.add('last', ({ softMs }) => void given.push(softMs));
  stop.add('hanging', () => new Promise<void>(() => undefined));
  stop.add('slow', ({ softMs }) => {
    given.push(softMs);
    return clock.sleep(400);
  });
  const stopped = stop.run('test');
  await clock.advance(10_000);
  await stopped;
  expect(given).toEqual([1_000, 0]);
  expect(lines.find((line) => line.closer === 'hanging')?.message).toBe('closer took too long and was left behind');
});

it('closes what comes into being while stopping', async () => {
  const { stop } = setUp();
  let isClosed = false;
  stop.add('starter', () =>
    stop.add('newborn', () => {
      isClosed = true;
    }),
  );
  await stop.run('test');
  expect(isClosed).toBe(true);
});
