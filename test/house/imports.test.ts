import { describe, expect, it } from 'vitest';
import { rules } from './rules.ts';
import { importsOf, readSources } from './sources.ts';

const sources = readSources();

it('finds the sources', () => {
  expect(sources.length).toBeGreaterThan(20);
  expect(sources.find((source) => source.path === 'kit/src/api-client.ts')?.imports).toContain('@easel/schema/errors');
});

describe.each(Object.entries(rules))('%s', (_name, rule) => {
  it('everywhere', () => {
    expect(sources.flatMap(rule)).toEqual([]);
  });
});

describe('the rules see', () => {
  it.each([
    ['schema/src/ids.ts', '@easel/kit/log', 'a room imports only the rooms it may'],
    ['web/src/routes/+page.svelte', '@easel/kit/log', 'a room imports only the rooms it may'],
    ['server/src/main.ts', '../../test/kit/postgres.ts', 'a room imports only the rooms it may'],
    ['relay/src/main.ts', '../../server/src/main.ts', 'a room is entered by its front door'],
    ['scheduler/src/main.ts', 'pg', 'a library lives in its one room'],
    ['worker-agent/src/main.ts', 'dockerode', 'a library lives in its one room'],
    ['server/src/quota/quota.service.ts', '../user/user.store.ts', 'a store is touched only inside its own domain'],
    ['kit/src/index.ts', './log.ts', 'there are no barrels'],
  ])('%s importing %s', (path, imported, rule) => {
    expect(rules[rule]?.({ path, imports: [imported] })).toHaveLength(1);
  });

  it('no harm in a test beside the code that uses the kit of tests', () => {
    const source = { path: 'server/src/a.test.ts', imports: ['../../test/kit/describe-with.ts'] };
    expect(Object.values(rules).flatMap((rule) => rule(source))).toEqual([]);
  });

  it('imports of all forms, and none in text', () => {
    const text = `import a from 'a'; import type { B } from 'b'; export * from 'c'; const d = import('d'); // import 'e'
      const f = "import g from 'g'";`;
    expect(importsOf('x.ts', text).sort()).toEqual(['a', 'b', 'c', 'd']);
    expect(importsOf('x.svelte', `<script lang="ts">import a from 'a';</script><p>import b from 'b'</p>`)).toEqual([
      'a',
    ]);
  });
});
