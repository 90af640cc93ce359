import { trace } from '@opentelemetry/api';
import { afterEach, expect, it } from 'vitest';
import { withSpan } from './telemetry.ts';

afterEach(() => trace.disable());

it('gives the value and the error of what it runs when nobody traces', async () => {
  expect(await withSpan('place', {}, async () => 7)).toBe(7);
  await expect(withSpan('place', {}, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
});

it('ends the span and records the error when somebody traces', async () => {
  const events: string[] = [];
  const span = {
    recordException: (err: Error) => events.push(`recorded ${err.message}`),
    setStatus: () => events.push('failed'),
    end: () => events.push('ended'),
  };
  trace.setGlobalTracerProvider({
    getTracer: () => ({
      startActiveSpan: (name: string, _options: unknown, fn: (given: typeof span) => unknown) => {
        events.push(`began ${name}`);
        return fn(span);
      },
    }),
  } as never);
  await expect(withSpan('place', { environmentId: 'e' }, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(events).toEqual(['began place', 'recorded no', 'failed', 'ended']);
});
