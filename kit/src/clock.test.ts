import { expect, it } from 'vitest';
import { systemClock } from './clock.ts';
import { fakeClock } from './fake-clock.ts';

// The contract both clocks keep; real time passes only where it is unnoticeable.
for (const [name, make] of [
  ['the system clock', () => ({ clock: systemClock, pass: () => systemClock.sleep(2) })],
  [
    'the fake clock',
    () => {
      const clock = fakeClock(1_000);
      return { clock, pass: () => clock.advance(2) };
    },
  ],
] as const) {
  it(`${name} ends a sleep when its time has passed`, async () => {
    const { clock, pass } = make();
    const slept = clock.sleep(1);
    await pass();
    await slept;
  });

  it(`${name} ends a sleep with the signal's reason`, async () => {
    const { clock } = make();
    const controller = new AbortController();
    const slept = clock.sleep(60_000, controller.signal);
    controller.abort(new Error('enough'));
    await expect(slept).rejects.toThrow('enough');
    await expect(clock.sleep(1, controller.signal)).rejects.toThrow('enough');
  });

  it(`${name} forgets a timer that was cancelled`, async () => {
    const { clock, pass } = make();
    let fired = false;
    clock
      .setTimeout(() => {
        fired = true;
      }, 1)
      .cancel();
    await pass();
    expect(fired).toBe(false);
  });
}

it('the fake clock fires timers in the order they fall due, those set meanwhile included', async () => {
  const clock = fakeClock();
  const order: string[] = [];
  clock.setTimeout(() => order.push(`late at ${clock.now()}`), 20);
  clock.setTimeout(() => {
    order.push(`early at ${clock.now()}`);
    clock.setTimeout(() => order.push(`between at ${clock.now()}`), 5);
  }, 10);
  await clock.advance(30);
  expect(order).toEqual(['early at 10', 'between at 15', 'late at 20']);
  expect(clock.now()).toBe(30);
  expect(clock.pending).toBe(0);
});

it('the fake clock sees a timer that a resolved sleep leads to', async () => {
  const clock = fakeClock();
  const twice = clock.sleep(10).then(() => clock.sleep(10));
  await clock.advance(20);
  await twice;
  expect(clock.now()).toBe(20);
});
