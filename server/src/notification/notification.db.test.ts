/** Inboxes: what comes in, who sees it, where it is told, and the line that shows it at once. */
import { newId, type UserId } from '@easel/schema/ids';
import { createClient } from 'graphql-ws';
import { TOTP } from 'otpauth';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { inTransaction } from '../db.ts';
import { openServer, SCRIPT_FAILED, suiteDatabase, type TestServer } from '../http/server.kit.ts';
import { createOutgoing } from '../jobs/outgoing.ts';
import { type Mailbox, openMailbox } from '../mail/mail.kit.ts';
import { NOTIFICATION_KINDS } from './kinds.ts';

let mailbox: Mailbox;
let server: TestServer;
let turns: ReturnType<typeof createOutgoing>;
type User = Awaited<ReturnType<TestServer['newUser']>>;
let user: User;

beforeAll(async () => {
  mailbox = await openMailbox();
  server = await openServer(suiteDatabase(), mailbox.settings);
  const { db, log, clock } = server;
  turns = createOutgoing({ db, pool: server.database.pool, services: server.app.services, log, clock });
});
afterAll(async () => {
  await server.close();
  await mailbox.close();
});
beforeEach(async () => {
  user = await server.newUser();
});

const INBOX = '{ notifications(first: 50) { edges { node { id kind title text path readAt } } } }';
async function inboxOf({ headers }: Pick<User, 'headers'>) {
  const { data } = await server.ask(INBOX, {}, headers);
  return data.notifications.edges.map(({ node }: { node: unknown }) => node) as {
    id: string;
    kind: string;
    title: string;
    text: string;
    path: string;
    readAt: string | null;
  }[];
}
const share = (userId: UserId, more: { key?: string; name?: string } = {}) =>
  server.app.services.notifications.tellNow({
    userId,
    kind: 'shareReceived',
    thingId: 'env1',
    values: { name: more.name ?? 'web', by: 'Ada' },
    ...(more.key ? { key: more.key } : {}),
  });
const prefer = (wish: string, { headers } = user) =>
  server.ask(
    `mutation { setNotificationPreference(input: { ${wish} }) { __typename ... on Refusal { code } } }`,
    {},
    headers,
  );
async function withAddress(
  { userId }: User,
  fields: { emailVerifiedAt?: Date | null; language?: string } = {},
): Promise<string> {
  const email = `${newId('event').slice(-12)}@example.com`;
  await server.db.user.update({ where: { id: userId }, data: { email, emailVerifiedAt: new Date(), ...fields } });
  return email;
}

describe('an inbox', () => {
  it('shows what was told, with its page, to its owner alone', async () => {
    await share(user.userId);
    expect(await inboxOf(user)).toEqual([
      expect.objectContaining({
        kind: 'shareReceived',
        title: 'Ada shares web with you',
        path: '/environments/env1',
        readAt: null,
      }),
    ]);
    expect(await inboxOf(await server.newUser())).toEqual([]);
  });

  it('gets nothing of an act that is undone', async () => {
    const undone = inTransaction(server.db, async (tx) => {
      await server.app.services.notifications.tell(tx, {
        userId: user.userId,
        kind: 'shareReceived',
        values: { name: 'a', by: 'b' },
      });
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    expect(await inboxOf(user)).toEqual([]);
  });

  it('is told the same thing once', async () => {
    await Promise.all(Array.from({ length: 5 }, () => share(user.userId, { key: 'once' })));
    expect(await inboxOf(user)).toHaveLength(1);
  });

  it('marks one read, unread again, and all; not those of others', async () => {
    await share(user.userId);
    await share(user.userId);
    const [first] = await inboxOf(user);
    const set = (isRead: boolean, headers = user.headers) =>
      server.ask(
        `mutation { setNotificationRead(id: "${first?.id}", isRead: ${isRead}) { ... on Notification { readAt } ... on Refusal { code } } }`,
        {},
        headers,
      );
    expect((await set(true, (await server.newUser()).headers)).data.setNotificationRead.code).toBe('NOT_FOUND');
    expect((await set(true)).data.setNotificationRead.readAt).not.toBeNull();
    expect((await set(false)).data.setNotificationRead.readAt).toBeNull();
    const all = await server.ask(
      'mutation { setAllNotificationsRead { ... on MarkedRead { count } } }',
      {},
      user.headers,
    );
    expect(all.data.setAllNotificationsRead.count).toBe(2);
    const unread = await server.ask('{ notifications(isUnread: true) { edges { node { id } } } }', {}, user.headers);
    expect(unread.data.notifications.edges).toEqual([]);
  });

  it('comes in pages', async () => {
    for (let i = 0; i < 5; i++) await share(user.userId, { name: `e${i}` });
    const titles: string[] = [];
    for (let after = '', more = true; more; ) {
      const { data } = await server.ask(
        `{ notifications(first: 2${after && `, after: "${after}"`}) { edges { node { title } } pageInfo { hasNextPage endCursor } } }`,
        {},
        user.headers,
      );
      titles.push(...data.notifications.edges.map(({ node }: { node: { title: string } }) => node.title));
      after = data.notifications.pageInfo.endCursor;
      more = data.notifications.pageInfo.hasNextPage;
    }
    expect(titles).toEqual([4, 3, 2, 1, 0].map((i) => `Ada shares e${i} with you`));
  });

  it('says live how many are unread', async () => {
    const url = `${server.url.replace('http', 'ws')}/graphql`;
    const client = createClient({
      url,
      webSocketImpl: WebSocket,
      connectionParams: { token: user.token },
    });
    const changes = client.iterate<{ inboxChanged: { unreadCount: number; newest: { title: string } | null } }>({
      query: 'subscription { inboxChanged { unreadCount newest { title } } }',
    });
    const next = async () => (await changes.next()).value?.data?.inboxChanged;
    expect(await next()).toEqual({ unreadCount: 0, newest: null });
    await share(user.userId);
    expect(await next()).toEqual({ unreadCount: 1, newest: { title: 'Ada shares web with you' } });
    await server.app.services.notifications.setAllRead(user);
    expect(await next()).toEqual({ unreadCount: 0, newest: null });
    await changes.return?.();
    await client.dispose();
  });

  it('forgets what is three months old', async () => {
    await share(user.userId);
    await server.db.notification.updateMany({
      where: { userId: user.userId },
      data: { createdAt: new Date(Date.now() - 91 * 86_400_000) },
    });
    await turns.sweep();
    expect(await inboxOf(user)).toEqual([]);
  });
});

describe('a mail besides', () => {
  it('goes to a confirmed address alone', async () => {
    const email = await withAddress(user, { emailVerifiedAt: null });
    await share(user.userId);
    await turns.mails();
    expect(mailbox.to(email)).toEqual([]);
    await server.db.user.update({ where: { id: user.userId }, data: { emailVerifiedAt: new Date() } });
    await share(user.userId);
    await turns.mails();
    expect(mailbox.to(email).map(({ parsed }) => parsed.subject)).toHaveLength(1);
  });

  it('is in the language of the person, and leads to the thing', async () => {
    const email = await withAddress(user, { language: 'de' });
    await share(user.userId);
    await turns.mails();
    const [mail] = mailbox.to(email);
    expect(mail?.parsed.subject).toBe('Ada teilt web mit Ihnen');
    expect(mail && mailbox.linkOf(mail).href).toBe('https://easel.example.com/environments/env1');
    expect((await inboxOf(user))[0]?.title).toBe('Ada teilt web mit Ihnen');
  });

  it('carries nothing that a name brings along', async () => {
    const email = await withAddress(user);
    await share(user.userId, { name: 'x\r\nBcc: all@example.com\r\n\r\nhttps://evil.example <b>' });
    await turns.mails();
    const [mail] = mailbox.to(email);
    expect(mail?.recipients).toEqual([email]);
    expect(mail?.parsed.bcc).toBeUndefined();
    expect(mail?.parsed.html).not.toContain('<b>');
    expect(`${mail?.parsed.text}${mail?.parsed.html}`).not.toContain('https://evil.example');
  });

  it('and the inbox follow what the person has chosen', async () => {
    const email = await withAddress(user);
    await prefer('kind: shareReceived, isInbox: false, isMail: true');
    await share(user.userId);
    await prefer('kind: shareReceived, isInbox: true, isMail: false');
    await share(user.userId);
    await prefer('kind: shareReceived, isInbox: false, isMail: false');
    await share(user.userId);
    await turns.mails();
    expect(mailbox.to(email)).toHaveLength(1);
    expect(await inboxOf(user)).toHaveLength(1);
  });

  it('of what guards the account cannot be switched off', async () => {
    const { data } = await prefer('kind: newDevice, isInbox: false, isMail: false');
    expect(data.setNotificationPreference.code).toBe('WRONG_STATE');
  });
});

describe('administrators', () => {
  it('are told what is theirs, and only those who are', async () => {
    const administrator = await server.newUser({ role: null, systemRole: 'administrator' });
    const disabled = await server.newUser({ role: null, systemRole: 'administrator' });
    await server.app.services.userAdmin.setDisabled(server.administrator, disabled.userId, true);
    const before = (await inboxOf(administrator)).length;
    await server.app.services.notifications.tellNow({
      everyAdministrator: true,
      kind: 'providerUnreachable',
      values: { name: 'Corp', problem: 'no answer' },
    });
    expect(await inboxOf(administrator)).toHaveLength(before + 1);
    expect(await inboxOf(user)).toEqual([]);
    expect(
      await server.db.notification.count({ where: { userId: disabled.userId, kind: 'providerUnreachable' } }),
    ).toBe(0);
  });

  it('alone are asked about what only they are told', async () => {
    const kindsOf = async (headers: Record<string, string>) => {
      const { data } = await server.ask('{ notificationPreferences { kind } }', {}, headers);
      return data.notificationPreferences.map(({ kind }: { kind: string }) => kind);
    };
    expect(await kindsOf(user.headers)).not.toContain('mailGivenUp');
    expect(await kindsOf((await server.newUser({ systemRole: 'administrator' })).headers)).toEqual(NOTIFICATION_KINDS);
  });
});

it('the owner of an environment is told once that it has failed', async () => {
  const { services } = server.app;
  const { id } = await services.environments.create(user, { name: 'web', template: 'sample' });
  const placement = (await server.claim()).find(({ environmentId }) => environmentId === id);
  if (!placement) throw new Error('no placement');
  await server.hello(placement);
  await turns.news();
  await server.report(placement, { type: 'worker.failed', failure: SCRIPT_FAILED });
  await Promise.all([turns.news(), turns.news()]);
  await turns.news();
  expect(await inboxOf(user)).toEqual([
    expect.objectContaining({
      kind: 'environmentFailed',
      title: 'web failed',
      text: SCRIPT_FAILED.message,
      path: `/environments/${id}`,
    }),
  ]);
});

describe('an API token that is about to end', () => {
  const inDays = (days: number) => new Date(Date.now() + days * 86_400_000 - 60_000);
  const make = (expiresAt: Date, createdAt = new Date(Date.now() - 30 * 86_400_000), owner: string = user.userId) => {
    const id = newId('apiToken');
    return server.db.apiToken.create({
      data: { id, userId: owner, name: id, prefix: 'p', secretHash: id, createdAt, expiresAt },
    });
  };

  it('is told of a week and a day before, once each', async () => {
    const week = await make(inDays(7));
    const day = await make(inDays(1));
    await make(inDays(8));
    await make(inDays(1), new Date());
    await turns.expiringTokens();
    await turns.expiringTokens();
    expect((await inboxOf(user)).map(({ title }) => title).sort()).toEqual(
      [week, day].map(({ name }) => `API token ${name} expires soon`).sort(),
    );
    await server.db.apiToken.update({ where: { id: week.id }, data: { expiresAt: inDays(1) } });
    await turns.expiringTokens();
    expect(await inboxOf(user)).toHaveLength(3);
  });

  it('and belongs to a service account is told to administrators', async () => {
    const login = `s${newId('event').slice(-10)}`;
    const { id } = await server.app.services.userAdmin.createServiceAccount(server.administrator, { login, name: 's' });
    const token = await make(inDays(1), undefined, id);
    await turns.expiringTokens();
    const told = await server.db.notification.findMany({ where: { thingId: token.id } });
    expect(told.map(({ userId }) => userId)).toContain(server.administrator.userId);
  });
});

describe('limits that were reached', () => {
  it('are told to administrators the day after, once, with how often and by whom', async () => {
    const yesterday = Math.floor(Date.now() / 86_400_000) * 86_400_000 - 3_600_000;
    const refuse = (actorLogin: string, at: number, outcome = 'QUOTA_EXCEEDED') =>
      server.db.auditEntry.create({
        data: { id: newId('auditEntry'), at: new Date(at), actorKind: 'user', actorLogin, action: 'a', outcome },
      });
    await refuse('ada', yesterday);
    await refuse('bob', yesterday);
    await refuse('bob', yesterday - 1000);
    await refuse('carol', yesterday, 'FORBIDDEN');
    await refuse('dan', yesterday - 2 * 86_400_000);
    await refuse('eve', Date.now());
    await turns.reachedQuotas();
    await turns.reachedQuotas();
    const told = await server.db.notification.findMany({
      where: { kind: 'quotaReached', userId: server.administrator.userId },
    });
    expect(told.map(({ values }) => values)).toEqual([{ count: '3', who: 'bob (2), ada (1)' }]);
  });
});

it('the owner of a snapshot is told that it has failed', async () => {
  const { services } = server.app;
  const cluster = await server.newCluster();
  const given = { name: `e-${newId('event').slice(-10)}`, template: 'sample', platform: cluster.id };
  const { id: environmentId } = await services.environments.create(user, given);
  await services.environments.stop(user, environmentId);
  const { id: snapshotId } = await services.snapshots.take(user, { id: environmentId });
  const failed = { type: 'failed', snapshotId, failure: { ...SCRIPT_FAILED, class: 'volume', message: 'no class' } };
  await services.snapshotScheduler.report(cluster.actor, [failed]);
  await services.snapshotScheduler.report(cluster.actor, [failed]);
  expect(await inboxOf(user)).toEqual([
    expect.objectContaining({
      kind: 'snapshotFailed',
      title: expect.stringMatching(new RegExp(`^Snapshot .* of ${given.name} failed$`)),
      text: 'no class',
      path: `/environments/${environmentId}`,
    }),
  ]);
});

describe('somebody whose second factors change', () => {
  const titlesOf = async () => (await inboxOf(user)).map(({ text }) => text.split(',')[0]);
  const holder = () => ({ userId: user.userId, sessionId: null });
  const setUp = async () => {
    const { factors } = server.app.services;
    const { secret } = await factors.startTotp(holder());
    await factors.confirmTotp(holder(), new TOTP({ secret }).generate());
  };

  it('is told of each change', async () => {
    const { factors } = server.app.services;
    await setUp();
    await factors.newRecoveryCodes(user.userId);
    await factors.removeTotp(user.userId);
    await setUp();
    await factors.reset(server.administrator, user.userId);
    expect(await titlesOf()).toEqual([
      'An administrator took all second factors away',
      'An authenticator app was set up',
      'The authenticator app was removed',
      'New recovery codes were made',
      'An authenticator app was set up',
    ]);
  });

  it('is told in his own language', async () => {
    await withAddress(user, { language: 'de' });
    await setUp();
    expect(await titlesOf()).toEqual([expect.stringMatching(/^Eine Authenticator-App wurde eingerichtet/)]);
  });

  it('is told nothing of what was undone', async () => {
    await expect(server.app.services.factors.removeTotp(user.userId)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await titlesOf()).toEqual([]);
  });
});
