import { GraphQLInt, GraphQLNonNull, GraphQLObjectType, GraphQLSchema, GraphQLString } from 'graphql';
import { createYoga } from 'graphql-yoga';
import { expect, it } from 'vitest';
import { createOperations, type GetEnveloped, type Prepared } from './operations.ts';
import { createSharedSubscriptions, type SharedResult } from './shared-subscription.ts';
import { liveStream } from './stream.ts';
import { Subscriber } from './subscriber.ts';

/** A schema whose every answer says for whom, and with which argument, it was made. */
function makeWorld() {
  const readers = new Set<Subscriber<number>>();
  const subscribe = () => {
    const reader: Subscriber<number> = new Subscriber<number>({
      resync: 0,
      maxPending: 100,
      onEnd: () => readers.delete(reader),
    });
    readers.add(reader);
    return liveStream(reader, async () => [{}]);
  };
  const Secret = new GraphQLObjectType<{ arg: string }, { user: string }>({
    name: 'Secret',
    fields: {
      user: { type: GraphQLString, resolve: (_, __, { user }) => user },
      arg: { type: GraphQLString, resolve: ({ arg }) => arg },
    },
  });
  const schema = new GraphQLSchema({
    query: new GraphQLObjectType({ name: 'Query', fields: { x: { type: GraphQLInt } } }),
    subscription: new GraphQLObjectType({
      name: 'Subscription',
      fields: {
        secret: {
          type: new GraphQLNonNull(Secret),
          args: { arg: { type: GraphQLString }, unused: { type: GraphQLInt } },
          subscribe,
          resolve: (_, args) => ({ arg: args.arg }),
          extensions: { shared: true },
        },
      },
    }),
  });
  const yoga = createYoga({ schema, logging: false, maskedErrors: false });
  const operations = createOperations({
    getEnveloped: yoga.getEnveloped as unknown as GetEnveloped,
    onBug: (err) => {
      throw err;
    },
  });
  return {
    operations,
    change: () => {
      for (const reader of readers) reader.push('x', 1);
    },
  };
}

it('nobody gets what was made for another, in 10,000 random mixes of viewers, documents and variables', async () => {
  const { operations, change } = makeWorld();
  const shared = createSharedSubscriptions();
  const pick = <T>(choices: readonly T[]): T => choices[Math.floor(Math.random() * choices.length)]!;
  const users = Array.from({ length: 20 }, (_, i) => `user${i}`);
  const documents = [
    'subscription A($arg: String) { secret(arg: $arg) { user arg } }',
    'subscription B($arg: String) { secret(arg: $arg) { user arg } }',
    'subscription C($arg: String, $n: Int) { secret(arg: $arg, unused: $n) { arg user } }',
    'subscription D { secret(arg: "fixed") { user arg } }',
  ];
  const leaks: unknown[] = [];
  let delivered = 0;
  const memberships: { leave(): void }[] = [];

  for (let mix = 0; mix < 10_000; mix++) {
    const user = pick(users);
    const query = pick(documents);
    const arg = pick(['a', 'b', '["user1"]', '', null]);
    const variables = pick([{ arg }, { arg, n: mix % 3 }, mix % 2 === 0 ? { n: 1, arg } : { arg, n: 1 }]);
    const viewer = { credentialId: user, scopeKey: user, initialContext: { user } };
    const prepared: Prepared = operations.prepare({ query, operationName: null, variables }, viewer);
    if (prepared.kind !== 'shared') throw new Error('expected it to be shared');
    const wanted = { user, arg: query.includes('fixed') ? 'fixed' : arg };
    const take = (result: SharedResult) => {
      if (result.kind !== 'next') return true;
      delivered++;
      const { secret } = JSON.parse(result.tail.toString().slice(0, -1)).data;
      if (secret.user !== wanted.user || secret.arg !== wanted.arg) leaks.push({ wanted, secret });
      return true;
    };
    memberships.push(shared.join(prepared.key, prepared.open, { take }));
    if (mix % 50 === 0) change();
    if (mix % 200 === 0) await new Promise((resolve) => setImmediate(resolve));
    if (memberships.length > 1000) for (const old of memberships.splice(0, 500)) old.leave();
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
  change();
  await new Promise((resolve) => setTimeout(resolve, 50));
  for (const { leave } of memberships) leave();
  expect(leaks).toEqual([]);
  expect(delivered).toBeGreaterThan(5_000);
  expect(shared.executions).toBeLessThan(delivered);
  expect(shared.groups).toBe(0);
}, 60_000);
