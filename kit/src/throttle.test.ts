import { describe, expect, it } from 'vitest';
import { fakeClock } from './fake-clock.ts';
import { sourceOf, Throttle } from './throttle.ts';

describe('a throttle', () => {
  it('grants a burst, then the long-run rate, to each key on its own', async () => {
    const clock = fakeClock();
    const throttle = new Throttle({ perSecond: 10, burst: 3, clock });
    expect([1, 2, 3, 4].map(() => throttle.take('a'))).toEqual([0, 0, 0, 100]);
    expect(throttle.take('b')).toBe(0);
    await clock.advance(100);
    expect([throttle.take('a'), throttle.take('a')]).toEqual([0, 100]);
  });

  it('is not emptied by a clock that is set back', async () => {
    let nowMs = 1_000_000;
    const throttle = new Throttle({ perSecond: 1, burst: 2, clock: { ...fakeClock(), now: () => nowMs } });
    throttle.take('a');
    nowMs -= 500_000;
    expect(throttle.take('a')).toBe(0);
  });

  it('forgets keys that were quiet, and the oldest when there are too many', async () => {
    const clock = fakeClock();
    const throttle = new Throttle({ perSecond: 1, burst: 1, clock, maxKeys: 50 });
    for (let i = 0; i < 200; i++) throttle.take(`key ${i}`);
    expect(throttle.size).toBe(50);
    await clock.advance(10_000);
    for (let i = 0; i < 20; i++) throttle.take('one');
    expect(throttle.size).toBe(1);
  });
});

describe('the source of an address', () => {
  it.each([
    ['10.1.2.3', '10.1.2.3'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0db8:0001:0002::9', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    [undefined, 'unknown'],
  ])('%s is %s', (address, source) => {
    expect(sourceOf(address)).toBe(source);
  });
});
