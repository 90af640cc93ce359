/**
 * Two people who share nothing ask for everything: random documents of the whole schema with ids of both, over HTTP and over
 * sockets with shared execution on, while what they watch changes. Nothing of the one may be in an answer to the other.
 */
import { newId } from '@easel/schema/ids';
import { type Client, createClient } from 'graphql-ws';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { openServer, suiteDatabase, type TestServer } from '../http/server.kit.ts';
import { notifyInTransaction } from '../live/notify.ts';
import { diceOf, type RandomOperation, randomOperation } from './documents.kit.ts';
import { schema } from './schema.ts';

const MIXES = 10_000;
/** A socket takes 300 messages at once, and an operation is two. */
const MIXES_PER_SOCKET = 100;
const AT_ONCE = 25;
const SEED = 20261128;

let server: TestServer;
beforeAll(async () => {
  server = await openServer(suiteDatabase(), { EASEL_REQUESTS_PER_SECOND: '100000' });
});
afterAll(() => server.close());

/** Everything that somebody can have, with a word in it that nobody else has. */
async function newTenant(word: string) {
  const user = await server.newUser();
  const { services, sessions } = server.app;
  await server.db.user.update({
    where: { id: user.userId },
    data: { name: `${word} name`, email: `${word}@example.com` },
  });
  const environment = await services.environments.create(user, { name: `${word}-env`, template: 'sample' });
  const { id: environmentId, platformId } = environment;
  const snapshot = newId('snapshot');
  await server.db.snapshot.create({
    data: { id: snapshot, environmentId, ownerId: user.userId, platformId, name: `${word} snapshot`, state: 'ready' },
  });
  const sshKey = newId('sshKey');
  await server.db.sshKey.create({
    data: { id: sshKey, userId: user.userId, name: `${word} key`, publicKey: word, algorithm: 'a', fingerprint: word },
  });
  const { apiToken } = await services.apiTokens.create(user, { name: `${word} token` });
  await sessions.open(user.userId, { address: '', userAgent: `${word} browser` });
  const session = await server.db.session.findFirstOrThrow({ where: { userId: user.userId } });
  const ids = [user.userId, environmentId, snapshot, sshKey, apiToken.id, session.id];
  return { word, user, ids, environmentId };
}
type Tenant = Awaited<ReturnType<typeof newTenant>>;

/** What is asked for by whom, and all that came back. */
const overHttp = async ({ query, variables }: RandomOperation, { user }: Tenant) =>
  JSON.stringify(await server.ask(query, variables, user.headers));

function overSocket(client: Client, { query, variables }: RandomOperation): Promise<string> {
  return new Promise((resolve) => {
    const end = client.subscribe(
      { query, variables },
      {
        next: (value) => {
          resolve(JSON.stringify(value));
          end();
        },
        error: (err) => resolve(JSON.stringify(err)),
        complete: () => resolve(''),
      },
    );
  });
}

function connect({ user }: Tenant): Client {
  const url = `${server.url.replace('http', 'ws')}/graphql`;
  return createClient({ url, webSocketImpl: WebSocket, connectionParams: { token: user.token }, retryAttempts: 0 });
}

it(`nothing of the one reaches the other in ${MIXES} mixes`, { timeout: 600_000 }, async () => {
  const tenants = [await newTenant('canaryquince'), await newTenant('canarymedlar')] as const;
  const ids = tenants.flatMap((tenant) => tenant.ids);
  const dice = diceOf(SEED);
  // Verifying the audit log, and what platforms do, is not for them; the matrix sees to that.
  const queries = Object.values(schema.getQueryType()?.getFields() ?? {});
  const subscriptions = Object.values(schema.getSubscriptionType()?.getFields() ?? {});
  const leaks: unknown[] = [];
  let ownSeen = 0;

  function ask(): RandomOperation {
    const operation = dice.chance(0.7) ? 'subscription' : 'query';
    const root = dice.pick(operation === 'query' ? queries : subscriptions);
    return randomOperation(schema, root, { operation, dice, ids });
  }

  async function mix(tenant: Tenant, client: Client, asked: RandomOperation): Promise<void> {
    const [own, other] = tenant === tenants[0] ? tenants : [tenants[1], tenants[0]];
    const isSocket = asked.operation === 'subscription' || dice.chance(0.5);
    const answer = isSocket ? await overSocket(client, asked) : await overHttp(asked, own);
    if (answer.includes(other.word)) leaks.push({ asked, answer });
    if (answer.includes(own.word)) ownSeen++;
  }

  for (let done = 0; done < MIXES; done += 2 * MIXES_PER_SOCKET) {
    const clients = tenants.map(connect);
    for (let count = 0; count < MIXES_PER_SOCKET; count += AT_ONCE) {
      // Both ask the very same at the same time: that is when an execution could be shared that must not be.
      const round = Array.from({ length: AT_ONCE }, ask).flatMap((asked) =>
        tenants.map((tenant, at) => mix(tenant, clients[at] as Client, asked)),
      );
      // What both watch changes meanwhile.
      const environments = tenants.map(({ environmentId, user }) => ({ id: environmentId, ownerId: user.userId }));
      await Promise.all([...round, notifyInTransaction(server.db, { environments })]);
    }
    for (const client of clients) await client.dispose();
  }
  expect(leaks).toEqual([]);
  // They do see what is their own: a test in which everything is refused would show nothing.
  expect(ownSeen).toBeGreaterThan(MIXES / 50);
});
