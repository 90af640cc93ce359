import { fakeClock } from '@easel/kit/fake-clock';
import { encode, MAX_MESSAGE_BYTES } from '@easel/schema/wire/codec';
import { type LogLine, workerMessageSchema } from '@easel/schema/wire/worker';
import { expect, test } from 'vitest';
import { LogOutbox } from './log-outbox.ts';

function outboxOf(maxWaitingBytes?: number) {
  const clock = fakeClock(1_000);
  const chunks: { number: number; lines: LogLine[] }[] = [];
  const outbox = new LogOutbox({
    send: (number, lines) => chunks.push({ number, lines }) > 0,
    clock,
    ...(maxWaitingBytes === undefined ? {} : { maxWaitingBytes }),
  });
  const texts = () => chunks.flatMap(({ lines }) => lines.map(({ text }) => text));
  return { clock, chunks, outbox, texts };
}

test('lines of a moment travel together', async () => {
  const { clock, chunks, outbox } = outboxOf();
  outbox.resume(0);
  outbox.add('hooks', 'stdout', 'one');
  outbox.add('hooks', 'stderr', 'two');
  expect(chunks).toEqual([]);
  await clock.advance(50);
  expect(chunks).toMatchObject([
    {
      number: 1,
      lines: [
        { source: 'hooks', stream: 'stdout', text: 'one', at: '1970-01-01T00:00:01.000Z' },
        { source: 'hooks', stream: 'stderr', text: 'two' },
      ],
    },
  ]);
  expect(clock.pending).toBe(0);
});

test('what was written while the server was away comes when it is back', async () => {
  const { clock, outbox, texts } = outboxOf();
  outbox.add('hooks', 'stdout', 'early');
  await clock.advance(10_000);
  expect(texts()).toEqual([]);
  outbox.resume(0);
  expect(texts()).toEqual(['early']);
});

test('chunks that are not acknowledged are sent again with their numbers', async () => {
  const { clock, chunks, outbox } = outboxOf();
  outbox.resume(0);
  for (const text of ['a', 'b', 'c']) {
    outbox.add('hooks', 'stdout', text);
    await clock.advance(50);
  }
  outbox.pause();
  chunks.length = 0;
  outbox.resume(1);
  expect(chunks.map(({ number, lines }) => [number, lines[0]?.text])).toEqual([
    [2, 'b'],
    [3, 'c'],
  ]);
});

test('a flood makes bounded chunks, and only so many until they are acknowledged', async () => {
  const { clock, chunks, outbox, texts } = outboxOf();
  outbox.resume(0);
  for (let i = 0; i < 10_000; i++) outbox.add('hooks', 'stdout', `line ${i}`);
  await clock.advance(50);
  expect(chunks).toHaveLength(8);
  expect(Math.max(...chunks.map(({ lines }) => lines.length))).toBeLessThanOrEqual(501);
  for (let number = 1; number <= 20; number++) outbox.acknowledge(number);
  await outbox.settled();
  expect(texts()).toEqual(Array.from({ length: 10_000 }, (_, i) => `line ${i}`));
});

test('no chunk is longer than a message may be, whatever the lines are made of', async () => {
  const { chunks, outbox } = outboxOf();
  for (let i = 0; i < 50; i++) outbox.add('hooks', 'stdout', '\u001b'.repeat(16_000));
  outbox.resume(0);
  for (let number = 1; number <= 100; number++) outbox.acknowledge(number);
  const lengths = chunks.map(
    ({ number, lines }) => encode(workerMessageSchema, { type: 'log.append', number, lines }).length,
  );
  expect(chunks.flatMap(({ lines }) => lines)).toHaveLength(50);
  expect(Math.max(...lengths)).toBeLessThan(MAX_MESSAGE_BYTES);
});

test('too much for the memory: the oldest goes, and a line in its place says how many', async () => {
  const { outbox, texts } = outboxOf(20_000);
  for (let i = 0; i < 1_000; i++) outbox.add('hooks', 'stdout', `line ${i}`);
  outbox.resume(0);
  const [first = '', ...rest] = texts();
  const dropped = Number(/^(\d+) lines dropped here/.exec(first)?.[1]);
  expect(dropped).toBeGreaterThan(800);
  expect(rest).toEqual(Array.from({ length: 1_000 - dropped }, (_, i) => `line ${i + dropped}`));
});

test('a very long line becomes several, an empty one stays, and NUL is replaced', () => {
  const { outbox, texts } = outboxOf();
  outbox.add('hooks', 'stdout', 'x'.repeat(40_000));
  outbox.add('hooks', 'stdout', '');
  outbox.add('hooks', 'stdout', 'a\0b');
  outbox.resume(0);
  expect(texts().map((text) => text.length)).toEqual([16_000, 16_000, 8_000, 0, 3]);
  expect(texts().at(-1)).toBe('a\u{fffd}b');
});
