import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { holdExclusively } from './exclusive.ts';

test('a name is held by one at a time', async () => {
  const name = randomUUID();
  const first = await holdExclusively(name);
  expect(first).not.toBeNull();
  expect(await holdExclusively(name)).toBeNull();
  await first?.release();
  const second = await holdExclusively(name);
  expect(second).not.toBeNull();
  await second?.release();
});

test('names of any length and content differ', async () => {
  const held = await Promise.all(
    ['', '/a', '/a/b', 'x'.repeat(5_000)].map((one) => holdExclusively(`${randomUUID()}${one}`)),
  );
  expect(held.every((one) => one !== null)).toBe(true);
  for (const one of held) await one?.release();
});
