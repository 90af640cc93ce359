import { expect, test } from 'vitest';
import { parseCommandSignIn } from './command-sign-in.ts';

const state = 'Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4';
const parse = (query: Record<string, string>) => parseCommandSignIn(new URLSearchParams(query));

test('the answer goes to the port of this machine that waits for it', () => {
  expect(parse({ port: '45123', state, name: 'laptop' })).toEqual({
    action: 'http://127.0.0.1:45123/',
    state,
    name: 'laptop',
  });
});

test('a name is shown as it is, without what cannot be seen', () => {
  expect(parse({ port: '1', state, name: ' lap\u0007top\u202e ' })?.name).toBe('laptop');
  expect(parse({ port: '1', state })?.name).toBe('easel');
  expect(parse({ port: '1', state, name: 'x'.repeat(500) })?.name).toHaveLength(100);
});

test.each([
  {},
  { port: '0', state },
  { port: '65536', state },
  { port: '80@evil.example', state },
  { port: '80.5', state },
  { port: '8080', state: 'short' },
  { port: '8080', state: `${state}"><script>` },
])('%j is no address of the command', (query) => {
  expect(parse(query as Record<string, string>)).toBeNull();
});
