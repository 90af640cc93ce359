import { expect, test } from 'vitest';
import { affected } from './dev.ts';

test('a change starts the processes again that read it', () => {
  expect(affected('relay/src', 'pair.ts')).toEqual(['relay']);
  expect(affected('kit/src', 'log.ts')).toEqual(['server', 'scheduler', 'relay', 'jump']);
  expect(affected('web/src', 'routes/(app)/+page.svelte')).toEqual(['server']);
  expect(affected('worker-agent/src', 'inside/helper/main.ts')).toEqual([]);
});

test('tests, hidden files and what builds write do not count', () => {
  expect(affected('relay/src', 'pair.test.ts')).toBeNull();
  expect(affected('server/src', 'generated/prisma/client.ts')).toBeNull();
  expect(affected('server/src', 'user/.user.service.ts.swp')).toBeNull();
});
