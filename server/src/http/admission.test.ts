import { fakeClock } from '@easel/kit/fake-clock';
import { expect, it } from 'vitest';
import { Admission } from './admission.ts';

const limits = { perSecond: 2, strangersPerSecond: 1, atOnce: 2 };

it('slows a caller down after a burst, and nobody else', async () => {
  const clock = fakeClock();
  const admission = new Admission(limits, clock);
  for (let count = 0; count < 20; count++) admission.take('a', '203.0.113.1');
  expect(() => admission.take('a', '203.0.113.1')).toThrow(/1 seconds/);
  admission.take('b', '203.0.113.1');
  await clock.advance(500);
  admission.take('a', '203.0.113.1');
});

it('counts strangers by their address, an IPv6 customer as one', () => {
  const admission = new Admission(limits, fakeClock());
  for (let count = 0; count < 10; count++) admission.take(null, `2001:db8::${count}`);
  expect(() => admission.take(null, '2001:db8::ffff')).toThrow(/too many requests/);
  admission.take(null, '203.0.113.1');
});

it('takes so many at once, and the next when one is over', () => {
  const admission = new Admission(limits, fakeClock());
  const leave = admission.enter();
  admission.enter();
  expect(() => admission.enter()).toThrow(expect.objectContaining({ code: 'OVERLOADED' }));
  leave();
  // Over is over, however often it is said.
  leave();
  admission.enter();
  expect(() => admission.enter()).toThrow(/try again/);
});
