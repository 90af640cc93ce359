import { fakeClock } from '@easel/kit/fake-clock';
import { expect, it } from 'vitest';
import type { Api } from '../api/api.ts';
import { createTicketSource } from './tickets.ts';

function sourceOf() {
  const clock = fakeClock();
  const asked: unknown[] = [];
  let failure: Error | undefined;
  const ask = (async (_operation: unknown, variables: unknown) => {
    asked.push(variables);
    if (failure) throw failure;
    return { relayUrl: 'http://relay', token: `ticket-${asked.length}`, expiresAt: '' };
  }) as Api['ask'];
  const source = createTicketSource({ ask }, 'env1', { port: 8080 }, clock);
  return { source, clock, asked, fail: (err: Error | undefined) => (failure = err) };
}

it('asks for one environment and one target', async () => {
  const { source, asked } = sourceOf();
  await source.get();
  expect(asked).toEqual([{ input: { environment: 'env1', port: 8080 } }]);
});

it('keeps a ticket for less than four minutes', async () => {
  const { source, clock, asked } = sourceOf();
  const [first] = await Promise.all([source.get(), source.get()]);
  await clock.advance(239_999);
  expect(await source.get()).toBe(first);
  await clock.advance(1);
  expect((await source.get()).token).toBe('ticket-2');
  expect(asked).toHaveLength(2);
});

it('forgets one that the relay refused, but not a newer one', async () => {
  const { source } = sourceOf();
  const first = await source.get();
  source.drop(first);
  await Promise.resolve();
  const second = await source.get();
  expect(second.token).toBe('ticket-2');
  source.drop(first);
  await Promise.resolve();
  expect(await source.get()).toBe(second);
});

it('asks again after a failure', async () => {
  const { source, fail } = sourceOf();
  fail(new Error('away'));
  await expect(source.get()).rejects.toThrow('away');
  fail(undefined);
  expect((await source.get()).token).toBe('ticket-2');
});
