import { newSshKeyPair } from '@easel/kit/ssh/private-key';
import { type EnvironmentId, newId } from '@easel/schema/ids';
import { verifyTicket } from '@easel/schema/wire/ticket';
import { createClient } from 'graphql-ws';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { openServer, READY, suiteDatabase, type TestServer } from '../http/server.kit.ts';
import { ADMINISTRATOR } from '../rights/rights.kit.ts';

import type { ShareInput } from './share.service.ts';

type User = Awaited<ReturnType<TestServer['newUser']>>;

let server: TestServer;
let owner: User;
let guest: User;
let id: EnvironmentId;
beforeAll(async () => {
  server = await openServer(suiteDatabase());
});
beforeEach(async () => {
  owner = await server.newUser();
  guest = await server.newUser({ role: null });
  id = await running(owner, 'web');
});
afterAll(() => server.close());

async function running(user: User, name: string): Promise<EnvironmentId> {
  const { id } = await server.app.services.environments.create(user, { name });
  const placement = (await server.claim()).find((placement) => placement.environmentId === id);
  if (!placement) throw new Error('the placement was not handed out');
  await server.hello(placement);
  await server.report(placement, READY);
  return id;
}

const shares = () => server.app.services.shares;
const share = (input: Partial<ShareInput> & Pick<ShareInput, 'access'>, by = owner) =>
  shares().share(by, { environment: id, user: guest.login, ...input });
const soon = () => new Date(Date.now() + 120_000);
/** As if it had expired. */
const expire = (shareId: string) =>
  server.db.share.update({ where: { id: shareId }, data: { expiresAt: new Date(Date.now() - 1_000) } });
const ticket = (user: User, input: { port?: number; ssh?: boolean }, environment: string = id) =>
  server.app.services.ticketAccess.create(user, { environment, ...input });
const claimsOf = async (token: string | null) => verifyTicket('client', token ?? '', await server.app.tickets.keySet());
const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (err) => err.code,
  );

describe('a share', () => {
  it('lets its guest see the environment, and nothing of its inside', async () => {
    const fields = `name phase steps { name } owner { login email } access { sshCommand } ports { port } git { path }
      shares { id } visitors { way } mayShare template { id } myShare { access createdBy { login } }`;
    const see = () => server.ask(`{ environment(id: "${id}") { ${fields} } }`, {}, guest.headers);
    expect((await see()).data.environment).toBeNull();
    await share({ access: 'view' });
    const { data, errors } = await see();
    expect(errors).toEqual([]);
    expect(data.environment).toMatchObject({
      name: 'web',
      phase: 'running',
      owner: { login: owner.login, email: null },
      access: null,
      git: [],
      ports: [],
      shares: [],
      visitors: [],
      mayShare: false,
      template: null,
      myShare: { access: 'view', createdBy: { login: owner.login } },
    });
    const log = await server.ask(`{ environmentLog(id: "${id}") { cursor } }`, {}, guest.headers);
    expect(log.errors[0]?.extensions?.code).toBe('NOT_FOUND');
  });

  it('shows a guest the ports that he may reach, and an SSH guest the ways in, by the id', async () => {
    const { generation } = await server.db.environment.findUniqueOrThrow({ where: { id } });
    const beat = {
      ports: [
        { port: 8080, process: 'node' },
        { port: 5432, process: 'postgres' },
      ],
    };
    await server.db.presence.create({ data: { environmentId: id, generation, lastSeenAt: new Date(), beat } });
    const see = async () =>
      (
        await server.ask(
          `{ environment(id: "${id}") { ports { port } access { sshUser sshConfig } } }`,
          {},
          guest.headers,
        )
      ).data.environment;
    await share({ access: 'ports', ports: [8080, 9000] });
    expect(await see()).toEqual({ ports: [{ port: 8080 }], access: null });
    await share({ access: 'ports' });
    expect(await see()).toEqual({ ports: [{ port: 8080 }, { port: 5432 }], access: null });
    await share({ access: 'ssh' });
    const { access } = await see();
    expect(access.sshUser).toBe(id);
    expect(access.sshConfig).toContain(`Host web.${owner.login}.easel\n`);
  });

  it('shows its owner who is in; of what a worker says, only people who were given a ticket', async () => {
    const { generation } = await server.db.environment.findUniqueOrThrow({ where: { id } });
    await share({ access: 'ports' });
    await ticket(guest, { port: 8080 });
    const stranger = await server.newUser();
    const since = new Date().toISOString();
    const visitors = [guest, stranger].map(({ userId }) => ({ userId, way: 'port', since }));
    await server.db.presence.create({
      data: { environmentId: id, generation, lastSeenAt: new Date(), beat: { visitors } },
    });
    const query = `{ environment(id: "${id}") { visitors { way since user { login } } } }`;
    expect((await server.ask(query, {}, owner.headers)).data.environment.visitors).toEqual([
      { way: 'port', since, user: { login: guest.login } },
    ]);
    expect((await server.ask(query, {}, guest.headers)).data.environment.visitors).toEqual([]);
  });

  it('takes the place of the one before with the same user, and is listed for its owner', async () => {
    const first = await share({ access: 'ssh' });
    const second = await share({ access: 'view', expiresAt: soon(), note: 'look at the build' });
    const { data } = await server.ask(
      `{ environment(id: "${id}") { shares { id user { login } access note } } }`,
      {},
      owner.headers,
    );
    expect(data.environment.shares).toEqual([
      { id: second.id, user: { login: guest.login }, access: 'view', note: 'look at the build' },
    ]);
    expect((await server.db.share.findUnique({ where: { id: first.id } }))?.endedAt).not.toBeNull();
  });

  it.each<[string, Partial<ShareInput> & Pick<ShareInput, 'access'>, string]>([
    ['a user who is not there', { access: 'view', user: 'nobody-here' }, 'NOT_FOUND'],
    ['a part of a login', { access: 'view', user: 'u' }, 'NOT_FOUND'],
    ['no user', { access: 'view', user: null }, 'INVALID_INPUT'],
    ['a user and a group', { access: 'view', group: 'team' }, 'INVALID_INPUT'],
    ['an environment that is not there', { access: 'view', environment: 'nothing' }, 'NOT_FOUND'],
    ['ports without the access to them', { access: 'view', ports: [80] }, 'INVALID_INPUT'],
    ['a port that is none', { access: 'ports', ports: [70_000] }, 'INVALID_INPUT'],
    ['a time that is over', { access: 'view', expiresAt: new Date(Date.now() - 1_000) }, 'INVALID_INPUT'],
    ['a time without an end', { access: 'view', expiresAt: new Date(Date.now() + 4e10) }, 'INVALID_INPUT'],
  ])('is refused for %s', async (_what, input, code) => {
    expect(await codeOf(share(input))).toBe(code);
  });

  it('is refused with oneself, and with somebody who is disabled', async () => {
    expect(await codeOf(share({ access: 'view', user: owner.login }))).toBe('INVALID_INPUT');
    await server.db.user.update({ where: { id: guest.userId }, data: { disabledAt: new Date() } });
    expect(await codeOf(share({ access: 'view' }))).toBe('NOT_FOUND');
  });

  it('finds its guest by his confirmed e-mail address, whatever its case', async () => {
    const email = `${guest.login}@example.com`;
    await server.db.user.update({ where: { id: guest.userId }, data: { email, emailVerifiedAt: new Date() } });
    expect((await share({ access: 'view', user: `${guest.login.toUpperCase()}@Example.com` })).userId).toBe(
      guest.userId,
    );
  });

  it('cannot be used to try out who is there', async () => {
    const tries = Array.from({ length: 21 }, (_, n) => n);
    const codes = [];
    for (const n of tries) codes.push(await codeOf(share({ access: 'view', user: `guess-${n}` })));
    expect(codes.filter((code) => code === 'NOT_FOUND')).toHaveLength(20);
    expect(codes.at(-1)).toBe('RATE_LIMITED');
  });

  it('is given by the owner alone: not by guests, nor by administrators', async () => {
    await share({ access: 'ssh' });
    const third = await server.newUser();
    const administrator = { ...third, rights: ADMINISTRATOR };
    expect(await codeOf(share({ access: 'view', user: third.login }, guest))).toBe('NOT_FOUND');
    expect(await codeOf(share({ access: 'view' }, administrator))).toBe('NOT_FOUND');
    for (const verb of ['start', 'stop'] as const) {
      expect(await codeOf(server.app.services.environments[verb](guest, id))).toBe('NOT_FOUND');
    }
    expect(await codeOf(server.app.services.environments.delete(guest, id, { force: true }))).toBe('NOT_FOUND');
    expect(await codeOf(server.app.services.snapshots.take(guest, { id }))).toBe('NOT_FOUND');
  });

  it('is ended by the owner and by administrators, not by the guest or a stranger, and once', async () => {
    const administrator = { ...(await server.newUser()), rights: ADMINISTRATOR };
    const first = await share({ access: 'view' });
    expect(await codeOf(shares().end(guest, first.id))).toBe('NOT_FOUND');
    expect(await codeOf(shares().end(await server.newUser(), first.id))).toBe('NOT_FOUND');
    expect(await codeOf(shares().end(administrator, first.id))).toBe('done');
    expect(await codeOf(shares().end(owner, first.id))).toBe('NOT_FOUND');
  });

  it('has a limit for each environment', async () => {
    const createdAt = new Date();
    const others = Array.from({ length: 100 }, (_, n) => `u${n}${guest.userId}`);
    await server.db.user.createMany({ data: others.map((login) => ({ id: login, login, name: login })) });
    await server.db.share.createMany({
      data: others.map((userId) => ({
        id: `shr${userId}`,
        environmentId: id,
        userId,
        access: 'view',
        createdById: owner.userId,
        createdAt,
      })),
    });
    expect(await codeOf(share({ access: 'view' }))).toBe('QUOTA_EXCEEDED');
  });

  it('is told to its guest when it begins and when it ends', async () => {
    await server.db.user.update({ where: { id: owner.userId }, data: { name: 'Ada' } });
    const { id: shareId } = await share({ access: 'view' });
    await shares().end(owner, shareId);
    const { data } = await server.ask('{ notifications { edges { node { title } } } }', {}, guest.headers);
    expect(data.notifications.edges.map(({ node }: { node: { title: string } }) => node.title)).toEqual([
      'web is shared with you no longer',
      'Ada shares web with you',
    ]);
  });

  it('leaves entries in the audit log: given, revoked and expired', async () => {
    const document = `mutation ($input: ShareEnvironmentInput!) { shareEnvironment(input: $input) { ... on Share { id } } }`;
    const input = { environment: id, user: guest.login, access: 'view' };
    const { data } = await server.ask(document, { input }, owner.headers);
    const shareId = data.shareEnvironment.id;
    await server.ask(`mutation { revokeShare(id: "${shareId}") { __typename } }`, {}, owner.headers);
    const other = await share({ access: 'view', expiresAt: soon() });
    await expire(other.id);
    await shares().sweep();
    const where = { thingId: { in: [shareId, other.id] } };
    const entries = await server.db.auditEntry.findMany({ where, orderBy: { id: 'asc' } });
    expect(entries.map(({ action, outcome }) => [action, outcome])).toEqual([
      ['shareEnvironment', 'done'],
      ['revokeShare', 'done'],
      ['shareExpired', 'done'],
    ]);
  });
});

describe('a guest’s ticket', () => {
  it('is for the shared ports alone, and for SSH with that access', async () => {
    const tried = async () =>
      Promise.all([
        codeOf(ticket(guest, { port: 8080 })),
        codeOf(ticket(guest, { port: 8081 })),
        codeOf(ticket(guest, { ssh: true })),
      ]);
    expect(await tried()).toEqual(['NOT_FOUND', 'NOT_FOUND', 'NOT_FOUND']);
    await share({ access: 'view' });
    expect(await tried()).toEqual(['FORBIDDEN', 'FORBIDDEN', 'FORBIDDEN']);
    await share({ access: 'ports', ports: [8080] });
    expect(await tried()).toEqual(['done', 'FORBIDDEN', 'FORBIDDEN']);
    await share({ access: 'ports' });
    expect(await tried()).toEqual(['done', 'done', 'FORBIDDEN']);
    const { id: last } = await share({ access: 'ssh' });
    expect(await tried()).toEqual(['done', 'done', 'done']);
    await shares().end(owner, last);
    expect(await tried()).toEqual(['NOT_FOUND', 'NOT_FOUND', 'NOT_FOUND']);
  });

  it('is for no other environment of the owner', async () => {
    await share({ access: 'ssh' });
    const other = await running(owner, 'other');
    expect(await codeOf(ticket(guest, { port: 8080 }, other))).toBe('NOT_FOUND');
    expect(await codeOf(ticket(guest, { ssh: true }, other))).toBe('NOT_FOUND');
  });

  it('names the share, what proves the guest, and when the share ends', async () => {
    const expiresAt = soon();
    const { id: shareId } = await share({ access: 'ports', expiresAt });
    const { token } = await ticket(guest, { port: 8080 });
    expect(await claimsOf(token)).toMatchObject({
      environmentId: id,
      userId: guest.userId,
      credentialId: `${shareId}.${guest.userId}`,
      guest: { credentialId: guest.credential.id, untilMs: expiresAt.getTime() },
      target: { kind: 'port', port: 8080 },
    });
    await expire(shareId);
    expect(await codeOf(ticket(guest, { port: 8080 }))).toBe('NOT_FOUND');
  });
});

describe('an SSH guest', () => {
  let publicKey: string;
  beforeEach(async () => {
    publicKey = newSshKeyPair().publicKey;
    await server.app.services.sshKeys.add(guest, { publicKey });
  });
  const authorize = (login: string, environment?: string) =>
    server.app.services.sshAccess.authorize(server.platform, { login, publicKey, environment, address: '192.0.2.1' });
  const refusal = (login: string, environment?: string) =>
    authorize(login, environment).catch((err) => `${err.code}: ${err.message}`);
  const REFUSED = 'FORBIDDEN: there is no such environment, or this key may not enter it';

  it('comes in with his own key, by the id and by the name, directly and through the jump', async () => {
    const { id: shareId } = await share({ access: 'ssh' });
    for (const login of [id, 'web']) {
      const grant = await authorize(login);
      expect(grant).toMatchObject({ userId: guest.userId, environment: { id }, shareId });
      expect(await claimsOf(grant.ticket)).toMatchObject({ target: { kind: 'ssh', auth: 'ticket' } });
      const through = await authorize(guest.login, login);
      expect(await claimsOf(through.ticket)).toMatchObject({
        credentialId: `${shareId}.${guest.userId}`,
        target: { kind: 'ssh', auth: 'publickey' },
      });
    }
    const { authorizedKeys } = await server.app.facts.entry(id);
    expect(authorizedKeys.map(({ userId }) => userId)).toEqual([guest.userId]);
  });

  it('is refused in the same words for all that is not shared for SSH', async () => {
    for (const before of [null, 'view', 'ports'] as const) {
      if (before) await share({ access: before });
      for (const attempt of [[id], ['web'], [guest.login, id], [guest.login, 'web']] as const) {
        expect(await refusal(attempt[0], attempt[1])).toBe(REFUSED);
      }
      expect((await server.app.facts.entry(id)).authorizedKeys).toEqual([]);
    }
    const { id: last } = await share({ access: 'ssh' });
    await expire(last);
    expect(await refusal(id)).toBe(REFUSED);
  });

  it('finds his own environment by a name that both have, and neither of two that are shared', async () => {
    await share({ access: 'ssh' });
    const another = await server.newUser();
    const theirs = await running(another, 'web');
    await share({ access: 'ssh', environment: theirs }, another);
    expect(await refusal('web')).toBe(REFUSED);
    expect((await authorize(theirs)).environment?.id).toBe(theirs);
    await server.db.member.create({
      data: { userId: guest.userId, namespaceId: await server.app.services.namespaces.defaultId(), role: 'developer' },
    });
    const own = await running({ ...guest, rights: owner.rights }, 'web');
    expect((await authorize('web')).environment?.id).toBe(own);
  });

  it('is told to the worker as cut when the share ends, and when the guest is disabled', async () => {
    const cut = async () => (await server.app.facts.entry(id)).revokedCredentials;
    const { id: shareId } = await share({ access: 'ssh' });
    await authorize('web');
    expect(await cut()).toEqual([]);
    await server.db.user.update({ where: { id: guest.userId }, data: { disabledAt: new Date() } });
    expect(await cut()).toContain(`${shareId}.${guest.userId}`);
    expect((await server.app.facts.entry(id)).authorizedKeys).toEqual([]);
    await server.db.user.update({ where: { id: guest.userId }, data: { disabledAt: null } });
    expect(await cut()).toEqual([]);
    await shares().end(owner, shareId);
    expect(await cut()).toEqual([`${shareId}.${guest.userId}`]);
  });
});

describe('an open subscription', () => {
  function follow(user: User, query: string) {
    const client = createClient({
      url: `${server.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      retryAttempts: 0,
      connectionParams: { token: user.token },
    });
    const events = client.iterate({ query });
    const next = async () => {
      const { done, value } = await events.next();
      return done ? 'end' : (value.errors?.[0]?.extensions?.code ?? value.data);
    };
    return { next, end: () => client.dispose() };
  }

  it('of what is shared with somebody tells of each share, its end and each change', async () => {
    const list = follow(guest, 'subscription { sharedEnvironmentsChanged { id phase myShare { access } } }');
    expect(await list.next()).toEqual({ sharedEnvironmentsChanged: [] });
    const { id: shareId } = await share({ access: 'view' });
    expect(await list.next()).toEqual({
      sharedEnvironmentsChanged: [{ id, phase: 'running', myShare: { access: 'view' } }],
    });
    await server.app.services.environments.stop(owner, id);
    expect(await list.next()).toMatchObject({ sharedEnvironmentsChanged: [{ id, phase: 'stopping' }] });
    await shares().end(owner, shareId);
    let last = await list.next();
    while (JSON.stringify(last).includes(id)) last = await list.next();
    expect(last).toEqual({ sharedEnvironmentsChanged: [] });
    await list.end();
  });

  it('of an environment ends for a guest whose share expires, and goes on for its owner', async () => {
    const query = `subscription { environmentChanged(id: "${id}") { id shares { id } } }`;
    const { id: shareId } = await share({ access: 'view', expiresAt: soon() });
    const [his, ours] = [follow(guest, query), follow(owner, query)];
    expect(await his.next()).toEqual({ environmentChanged: { id, shares: [] } });
    expect(await ours.next()).toEqual({ environmentChanged: { id, shares: [{ id: shareId }] } });
    await expire(shareId);
    await shares().sweep();
    expect(await his.next().catch((errors) => errors[0]?.extensions.code)).toBe('NOT_FOUND');
    expect(await ours.next()).toEqual({ environmentChanged: { id, shares: [] } });
    await Promise.all([his.end(), ours.end()]);
  });
});

describe('a group', () => {
  let groupId: string;
  beforeEach(async () => {
    groupId = newId('group');
    await server.db.group.create({ data: { id: groupId, name: `team-${groupId}` } });
  });
  const join = () => server.db.groupMember.create({ data: { groupId, userId: guest.userId } });
  const leave = () => server.db.groupMember.deleteMany({ where: { groupId } });

  it('has what is shared with it for whoever is a member, as long as he is one', async () => {
    const given = await share({ access: 'ports', user: null, group: `team-${groupId}` });
    expect(await codeOf(ticket(guest, { port: 8080 }))).toBe('NOT_FOUND');
    await join();
    expect(await claimsOf((await ticket(guest, { port: 8080 })).token)).toMatchObject({
      credentialId: `${given.id}.${guest.userId}`,
    });
    const cut = async () => (await server.app.facts.entry(id)).revokedCredentials;
    expect(await cut()).toEqual([]);
    await leave();
    expect(await codeOf(ticket(guest, { port: 8080 }))).toBe('NOT_FOUND');
    expect(await cut()).toEqual([`${given.id}.${guest.userId}`]);
    await join();
    await server.db.group.delete({ where: { id: groupId } });
    expect(await cut()).toEqual([`${given.id}.${guest.userId}`]);
    await shares().sweep();
    expect((await server.db.share.findUniqueOrThrow({ where: { id: given.id } })).endedAt).not.toBeNull();
  });

  it('lets its members’ keys in with the access to SSH', async () => {
    await join();
    await server.app.services.sshKeys.add(guest, { publicKey: newSshKeyPair().publicKey });
    await share({ access: 'ssh', user: null, group: groupId });
    const keys = async () => (await server.app.facts.entry(id)).authorizedKeys.map(({ userId }) => userId);
    expect(await keys()).toEqual([guest.userId]);
    await leave();
    expect(await keys()).toEqual([]);
  });

  it('that is not there is refused', async () => {
    expect(await codeOf(share({ access: 'view', user: null, group: 'nobody' }))).toBe('NOT_FOUND');
  });
});

it('gives nothing where sharing is switched off', async () => {
  await share({ access: 'ssh' });
  await ticket(guest, { port: 8080 });
  const off = await openServer(suiteDatabase(), { EASEL_SHARING: 'off' });
  try {
    expect(await off.app.services.environments.find(guest, id)).toBeNull();
    expect(
      await codeOf(off.app.services.shares.share(owner, { environment: id, user: guest.login, access: 'view' })),
    ).toBe('FORBIDDEN');
    const entry = await off.app.facts.entry(id);
    expect(entry.authorizedKeys).toEqual([]);
    expect(entry.revokedCredentials).toHaveLength(1);
  } finally {
    await off.close();
  }
});
