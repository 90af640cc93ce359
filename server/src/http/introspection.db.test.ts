import { afterAll, beforeAll, expect, it } from 'vitest';
import { openServer, suiteDatabase, type TestServer } from './server.kit.ts';

let server: TestServer;
beforeAll(async () => {
  server = await openServer(suiteDatabase(), { EASEL_INTROSPECTION: 'false' });
});
afterAll(() => server.close());

it.each(['{ __schema { types { name } } }', '{ __type(name: "User") { fields { name } } }'])(
  'is refused where it is switched off: %s',
  async (document) => {
    const { data, errors } = await server.ask(document);
    expect(data).toBeUndefined();
    expect(errors[0]?.message).toContain('introspection');
  },
);

it('suggests no names of fields either', async () => {
  const { errors } = await server.ask('{ environmentz { pageInfo { hasNextPage } } }');
  expect(errors[0]?.message).toContain('Cannot query field');
  expect(errors[0]?.message).not.toContain('"environments"');
});

it('leaves everything else as it is', async () => {
  expect((await server.ask('{ __typename me { __typename login } }')).data).toEqual({
    __typename: 'Query',
    me: { __typename: 'User', login: 'admin' },
  });
});
