/** Webhooks against a receiver that takes, refuses, is slow, points elsewhere, and has gone. */
import { newId } from '@easel/schema/ids';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { inTransaction } from '../db.ts';
import { openServer, READY, SCRIPT_FAILED, suiteDatabase, type TestServer } from '../http/server.kit.ts';
import { createOutgoing } from '../jobs/outgoing.ts';
import { nextTryAfter } from './deliver.ts';
import { WEBHOOK_EVENT_NAMES, type WebhookEvent } from './events.ts';
import { isSignedBy, openReceiver, type Receiver } from './receiver.kit.ts';

let receiver: Receiver;
let server: TestServer;
const newTurns = () =>
  createOutgoing({
    db: server.db,
    pool: server.database.pool,
    services: server.app.services,
    log: server.log,
    clock: server.clock,
  });
let turns: ReturnType<typeof createOutgoing>;

beforeAll(async () => {
  receiver = await openReceiver();
  server = await openServer(suiteDatabase(), { EASEL_OUTBOUND_ALLOWED_NETWORKS: receiver.place });
});
afterAll(async () => {
  await server.close();
  await receiver.close();
});
beforeEach(async () => {
  await server.db.webhook.deleteMany();
  await server.db.notification.deleteMany();
  receiver.reset();
  turns = newTurns();
});

type Fields = Partial<{ name: string; url: string; events: WebhookEvent[]; isOn: boolean }>;
const create = (fields: Fields = {}) =>
  server.app.services.webhooks.create(server.administrator, {
    name: 'ci',
    url: receiver.url,
    events: ['user.disabled'],
    ...fields,
  });
const happen = (key?: string) =>
  inTransaction(server.db, (tx) =>
    server.app.services.webhooks.tell(tx, {
      type: 'user.disabled',
      at: new Date('2026-01-02T03:04:05Z'),
      data: { user: { id: 'usr1', login: 'ada' } },
      ...(key ? { key } : {}),
    }),
  );
const delivery = () => server.db.webhookDelivery.findFirstOrThrow();
/** As if the wait before the next try were over. */
const makeDue = () => server.db.webhookDelivery.updateMany({ data: { runAt: new Date(0) } });
const refuse = (status: number, headers = {}) => {
  receiver.behaviour.answer = (response) => response.writeHead(status, headers).end('no\u0000pe');
};

describe('a delivery', () => {
  it('arrives once, signed with the secret that was shown, and says what has happened', async () => {
    const { secret, webhook } = await create();
    await happen();
    await turns.webhooks();
    await turns.webhooks();
    const [heard, ...others] = receiver.heard;
    expect(others).toEqual([]);
    expect(heard && isSignedBy(secret, heard)).toBe(true);
    expect(heard && isSignedBy(secret, { ...heard, body: heard.body.replace('ada', 'bob') })).toBe(false);
    expect(heard?.event).toEqual({
      type: 'user.disabled',
      timestamp: '2026-01-02T03:04:05.000Z',
      data: { user: { id: 'usr1', login: 'ada' } },
    });
    const row = await delivery();
    expect(heard?.headers['webhook-id']).toBe(row.id);
    expect(Math.abs(Number(heard?.headers['webhook-timestamp']) - Date.now() / 1000)).toBeLessThan(60);
    expect(row).toMatchObject({ webhookId: webhook.id, state: 'sent', attempts: 1, status: 200, answer: 'thank you' });
  });

  it('is not made of an act that is undone, nor for whoever does not listen to it or is off', async () => {
    await create({ events: ['user.created'] });
    await create({ name: 'off', isOn: false });
    await happen();
    await create({ name: 'on' });
    const undone = inTransaction(server.db, async (tx) => {
      await server.app.services.webhooks.tell(tx, {
        type: 'user.disabled',
        at: new Date(),
        data: { user: { id: 'a', login: 'a' } },
      });
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    expect(await server.db.webhookDelivery.count()).toBe(0);
  });

  it('is made once of what is told twice', async () => {
    await create();
    await Promise.all(Array.from({ length: 5 }, () => happen('once')));
    expect(await server.db.webhookDelivery.count()).toBe(1);
  });

  it('is tried again under the same id after a refusal', async () => {
    await create();
    await happen();
    refuse(500);
    await turns.webhooks();
    const row = await delivery();
    expect(row).toMatchObject({ state: 'waiting', attempts: 1, status: 500, answer: 'no pe', problem: 'answered 500' });
    expect(row.runAt.getTime()).toBeGreaterThan(Date.now() + 50_000);
    receiver.reset();
    await turns.webhooks();
    expect(receiver.heard).toEqual([]);
    await makeDue();
    await turns.webhooks();
    expect(receiver.heard.map(({ headers }) => headers['webhook-id'])).toEqual([row.id]);
    expect(await delivery()).toMatchObject({ state: 'sent', attempts: 2, problem: null });
  });

  it('is tried again when there is no answer in time', { timeout: 30_000 }, async () => {
    await create();
    await happen();
    receiver.behaviour.answer = (response) => void response.writeHead(200).write('wait');
    await turns.webhooks();
    expect(await delivery()).toMatchObject({ state: 'waiting', status: null, problem: 'no answer within 10 seconds' });
  });

  it('is given up after eight tries, over about a day', async () => {
    const start = new Date(0);
    let at: Date | null = start;
    let tries = 1;
    for (let next = nextTryAfter(1, start, () => 0.5); next; next = nextTryAfter(tries, next, () => 0.5)) {
      at = next;
      tries++;
    }
    expect(tries).toBe(8);
    expect(at.getTime() / 3_600_000).toBeCloseTo(23.6, 1);

    await create();
    await happen();
    refuse(503);
    await server.db.webhookDelivery.updateMany({ data: { attempts: 7 } });
    await turns.webhooks();
    expect(await delivery()).toMatchObject({ state: 'given_up', attempts: 8 });
  });

  it('does not follow where an answer points to', async () => {
    await create();
    await happen();
    refuse(302, { location: receiver.url });
    await turns.webhooks();
    expect(receiver.heard).toHaveLength(1);
    const { problem } = await delivery();
    expect(problem).toMatch(/answered 302 and points elsewhere/);
  });

  it('reads little of the answer', async () => {
    await create();
    await happen();
    receiver.behaviour.answer = (response) => response.end('x'.repeat(1_000_000));
    await turns.webhooks();
    expect((await delivery()).answer).toHaveLength(1000);
  });

  it('is sent by one of many replicas', async () => {
    await create();
    for (let count = 0; count < 20; count++) await happen();
    const replicas = Array.from({ length: 4 }, newTurns);
    await Promise.all(replicas.map((one) => one.webhooks()));
    await Promise.all(replicas.map((one) => one.webhooks()));
    expect(new Set(receiver.heard.map(({ headers }) => headers['webhook-id'])).size).toBe(20);
    expect(receiver.heard).toHaveLength(20);
  });

  it('comes again under the same id when the replica that sent it died before it could say so', async () => {
    await create();
    await happen();
    const row = await delivery();
    await turns.webhooks();
    await server.db.webhookDelivery.update({ where: { id: row.id }, data: { ...row, runAt: new Date(0) } });
    await newTurns().webhooks();
    expect(receiver.heard.map(({ headers }) => headers['webhook-id'])).toEqual([row.id, row.id]);
  });

  it('to one that fails does not hold up the others', async () => {
    await create();
    const { webhook } = await create({ name: 'away', url: receiver.url.replace('/hook', '/away') });
    await server.db.webhook.update({ where: { id: webhook.id }, data: { failingSince: new Date() } });
    for (let count = 0; count < 10; count++) await happen();
    await turns.webhooks();
    const waiting = await server.db.webhookDelivery.groupBy({ by: ['webhookId', 'state'], _count: true });
    expect(waiting).toContainEqual({ webhookId: webhook.id, state: 'waiting', _count: 9 });
    expect(waiting.filter(({ state }) => state === 'waiting')).toHaveLength(1);
  });

  it('is forgotten after a month', async () => {
    await create();
    await happen();
    await server.db.webhookDelivery.updateMany({ data: { createdAt: new Date(Date.now() - 31 * 86_400_000) } });
    await turns.sweep();
    expect(await server.db.webhookDelivery.count()).toBe(0);
  });
});

describe('an address', () => {
  it.each([
    'http://10.0.0.1/',
    'https://10.0.0.1/',
    'https://[::ffff:10.0.0.1]/',
    'https://169.254.169.254/',
    'https://localhost.example:22/',
    'http://93.184.216.34/',
    'https://a:b@hooks.example.com/',
    'ftp://hooks.example.com/',
    'not an address',
  ])('%s is refused when it is typed', async (url) => {
    await expect(create({ url })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });

  it('is judged again at each delivery', async () => {
    const { webhook } = await create();
    await server.db.webhook.update({ where: { id: webhook.id }, data: { url: 'https://10.0.0.1/' } });
    await happen();
    await turns.webhooks();
    expect((await delivery()).problem).toMatch(/10\.0\.0\.1 is not public/);
  });
});

describe('a secret', () => {
  it('lies sealed in the database, and is nowhere to be had again', async () => {
    const { secret, webhook } = await create();
    const { data } = await server.ask('{ webhooks { id name url events isOn } }');
    expect(data.webhooks).toEqual([
      { id: webhook.id, name: 'ci', url: receiver.url, events: ['user.disabled'], isOn: true },
    ]);
    const rows = [await server.db.webhook.findMany(), await server.db.auditEntry.findMany()];
    const text = JSON.stringify(rows, (_key, value) => (typeof value === 'bigint' ? String(value) : value));
    expect(text).not.toContain(secret.slice(6));
  });

  it('and the one before both sign until the change is over', async () => {
    const { secret: old, webhook } = await create();
    const { data } = await server.ask(
      `mutation { rotateWebhookSecret(id: "${webhook.id}", overlapHours: 2) {
        ... on WebhookWithSecret { secret webhook { oldSecretUntil } } } }`,
    );
    const { secret } = data.rotateWebhookSecret;
    await happen();
    await turns.webhooks();
    expect(receiver.heard.map((one) => [isSignedBy(old, one), isSignedBy(secret, one)])).toEqual([[true, true]]);
    receiver.reset();
    await server.db.webhook.updateMany({ data: { oldSecretUntil: new Date() } });
    await happen();
    await turns.webhooks();
    expect(receiver.heard.map((one) => [isSignedBy(old, one), isSignedBy(secret, one)])).toEqual([[false, true]]);
  });

  it('that is known to others ends at once where that is asked for', async () => {
    const { secret: old, webhook } = await create();
    await server.app.services.webhooks.rotateSecret(server.administrator, webhook.id, 0);
    await happen();
    await turns.webhooks();
    expect(receiver.heard.map((one) => isSignedBy(old, one))).toEqual([false]);
  });
});

describe('a webhook', () => {
  const failFor = async (days: number) => {
    await server.db.webhook.updateMany({ data: { failingSince: new Date(Date.now() - days * 86_400_000) } });
    refuse(500);
    await happen();
    await turns.webhooks();
  };
  const told = async () => {
    const rows = await server.db.notification.findMany({ where: { userId: server.administrator.userId } });
    return rows.map(({ kind, values }) => ({ kind, values }));
  };

  it('that nothing has reached for days is switched off, and whoever set it up is told, once', async () => {
    await create();
    await happen();
    await happen();
    await failFor(2.9);
    expect(await server.db.webhook.findFirst()).toMatchObject({ isOn: true });
    await failFor(3.1);
    expect(await server.db.webhook.findFirst()).toMatchObject({ isOn: false, offReason: 'answered 500' });
    expect(await server.db.webhookDelivery.count({ where: { state: 'waiting' } })).toBe(0);
    expect(await told()).toEqual([{ kind: 'webhookOff', values: { name: 'ci', problem: 'answered 500' } }]);
    await happen();
    expect(await server.db.webhookDelivery.count({ where: { state: 'waiting' } })).toBe(0);
  });

  it('that is reached again starts to count anew', async () => {
    await create();
    await failFor(2);
    receiver.reset();
    await makeDue();
    await turns.webhooks();
    expect(await server.db.webhook.findFirst()).toMatchObject({ isOn: true, failingSince: null });
  });

  it('whose receiver says that it is gone is switched off at once', async () => {
    await create();
    refuse(410);
    await happen();
    await turns.webhooks();
    expect(await server.db.webhook.findFirst()).toMatchObject({ isOn: false, offReason: 'answered 410' });
  });

  it('is tried out with a ping, though it be off, and says what came of it', async () => {
    const { secret, webhook } = await create({ isOn: false });
    const test = () =>
      server.ask(`mutation { testWebhook(id: "${webhook.id}") {
        ... on WebhookDelivery { event state status answer problem } } }`);
    expect((await test()).data.testWebhook).toEqual({
      event: 'webhook.ping',
      state: 'sent',
      status: 200,
      answer: 'thank you',
      problem: null,
    });
    expect(receiver.heard.map((one) => isSignedBy(secret, one))).toEqual([true]);
    refuse(500);
    expect((await test()).data.testWebhook).toMatchObject({ state: 'given_up', status: 500, problem: 'answered 500' });
    expect(await server.db.webhook.findFirst()).toMatchObject({ failingSince: null });
  });

  it('shows its deliveries, and sends one again under its id', async () => {
    const { webhook } = await create();
    refuse(500);
    await happen();
    await server.db.webhookDelivery.updateMany({ data: { attempts: 7 } });
    await turns.webhooks();
    receiver.reset();
    const list = async () => {
      const fields = 'id event state attempts status problem nextTryAt';
      const { data } = await server.ask(
        `{ node(id: "${webhook.id}") { ... on Webhook { deliveries(first: 5) { edges { node { ${fields} } } } } } }`,
      );
      return data.node.deliveries.edges.map(({ node }: { node: { id: string } }) => node);
    };
    const [given] = await list();
    expect(given).toMatchObject({ event: 'user.disabled', state: 'given_up', attempts: 8, nextTryAt: null });
    await server.ask(`mutation { redeliverWebhook(id: "${given.id}") { __typename } }`);
    await turns.webhooks();
    expect(receiver.heard.map(({ headers }) => headers['webhook-id'])).toEqual([given.id]);
    expect(await list()).toEqual([expect.objectContaining({ id: given.id, state: 'sent', attempts: 1 })]);
  });

  it('is changed, renamed to no name that is taken, and deleted with its deliveries', async () => {
    await create({ name: 'other' });
    const { webhook } = await create();
    const change = (input: string) =>
      server.ask(`mutation { updateWebhook(id: "${webhook.id}", input: { ${input} }) {
        __typename ... on Webhook { events isOn } ... on Refusal { code } } }`);
    const url = `url: "${receiver.url}"`;
    expect((await change(`name: "other", ${url}, events: ["user.created"]`)).data.updateWebhook.code).toBe(
      'NAME_TAKEN',
    );
    expect((await change(`name: "ci", ${url}, events: ["nothing"]`)).data.updateWebhook.code).toBe('INVALID_INPUT');
    expect(
      (await change(`name: "ci", ${url}, events: ["user.created"], isOn: false`)).data.updateWebhook,
    ).toMatchObject({
      events: ['user.created'],
      isOn: false,
    });
    await server.ask(`mutation { deleteWebhook(id: "${webhook.id}") { __typename } }`);
    expect(await server.db.webhook.count({ where: { id: webhook.id } })).toBe(0);
  });
});

describe('what is told', () => {
  it('of an environment: that it is there, runs, stops, fails and is gone', async () => {
    await create({ events: WEBHOOK_EVENT_NAMES.filter((name) => name.startsWith('environment.')) });
    const { environments } = server.app.services;
    const owner = await server.newUser();
    await turns.news();
    await server.db.webhookDelivery.deleteMany();
    const { id, name } = await environments.create(owner, {
      name: `e-${newId('event').slice(-10)}`,
      template: 'sample',
    });
    const placement = async () => {
      const found = (await server.claim()).find(({ environmentId }) => environmentId === id);
      if (!found) throw new Error('nothing was placed');
      return found;
    };
    const first = await placement();
    await server.hello(first);
    await server.report(first, READY);
    await server.report(first, { type: 'worker.stopped', isClean: true, text: '' });
    await server.observe({ type: 'ended', placementId: (await placement()).id, wish: 'end' });
    await environments.start(owner, id);
    const second = await placement();
    await server.hello(second);
    await server.report(second, { type: 'worker.failed', failure: SCRIPT_FAILED });
    await environments.delete(owner, id, { force: true });
    await server.observe({ type: 'ended', placementId: (await placement()).id, wish: 'erase' });
    await turns.news();
    await turns.webhooks();
    expect(receiver.types().sort()).toEqual([
      'environment.created',
      'environment.deleted',
      'environment.failed',
      'environment.started',
      'environment.stopped',
    ]);
    const started = receiver.heard.find(({ event }) => event.type === 'environment.started');
    expect(started?.event.data).toEqual({
      environment: {
        id,
        name,
        phase: 'running',
        owner: { id: owner.userId, login: owner.login },
        template: { id: expect.stringMatching(/^tpl/), name: 'sample' },
        platform: { id: server.platform.platformId, name: server.platform.name },
      },
    });
  });

  it('of people: who is invited, who is new, who is out', async () => {
    const events = WEBHOOK_EVENT_NAMES.filter((name) => name.startsWith('user.'));
    await create({ events });
    const { invitations, userAdmin } = server.app.services;
    const { code } = await invitations.create(server.administrator, { name: 'Grace', email: 'grace@example.com' });
    const login = `grace${newId('event').slice(-10)}`;
    const from = { address: '127.0.0.1', userAgent: null };
    const id = await invitations.join(code, { login, name: 'Grace', password: 'nanoseconds of wire' }, from);
    await userAdmin.setDisabled(server.administrator, id, true);
    await userAdmin.setDisabled(server.administrator, id, true);
    await turns.webhooks();
    expect(receiver.types().sort()).toEqual(['user.created', 'user.disabled', 'user.invited']);
    expect(receiver.heard.map(({ body }) => body).join()).not.toMatch(/grace@example|nanoseconds/);
    expect(receiver.heard.map(({ body }) => body).join()).not.toContain(code);
  });
});
