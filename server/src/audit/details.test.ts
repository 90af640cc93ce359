import { expect, it } from 'vitest';
import { detailsOf } from './details.ts';

it('keeps what was asked for, without what could be a secret', () => {
  const kept = detailsOf({
    id: 'env1',
    isDisabled: true,
    input: {
      name: 'a',
      password: 'p',
      current: 'c',
      apiToken: 't',
      clientSecret: 's',
      publicKey: 'ssh-ed25519 AAAA',
      env: { KEY: 'v' },
      settings: { proxy: { http: 'http://u:p@h' } },
      repository: { url: 'https://user:token@git.example.com/a.git', branch: null },
      none: undefined,
    },
  });
  expect(kept).toEqual({
    id: 'env1',
    isDisabled: true,
    input: {
      name: 'a',
      password: '[not kept]',
      current: '[not kept]',
      apiToken: '[not kept]',
      clientSecret: '[not kept]',
      publicKey: '[not kept]',
      env: ['KEY'],
      settings: '[not kept]',
      repository: { url: 'https://git.example.com/a.git', branch: null },
    },
  });
});

it('has an end, whatever is sent', () => {
  let deep: Record<string, unknown> = {};
  for (let i = 0; i < 100; i++) deep = { deep };
  const kept = JSON.stringify(detailsOf({ deep, long: 'x'.repeat(100_000), many: Array(10_000).fill('y') }));
  expect(kept.length).toBeLessThan(2000);
});
