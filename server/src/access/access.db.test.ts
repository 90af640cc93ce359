import { newSshKeyPair } from '@easel/kit/ssh/private-key';
import type { EnvironmentId } from '@easel/schema/ids';
import { newId } from '@easel/schema/ids';
import { verifyTicket } from '@easel/schema/wire/ticket';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SecurityKey } from '../../../test/kit/security-key.ts';
import { openServer, READY, suiteDatabase, type TestServer } from '../http/server.kit.ts';
import { ADMINISTRATOR } from '../rights/rights.kit.ts';

type User = Awaited<ReturnType<TestServer['newUser']>>;

let server: TestServer;
let owner: User;
let publicKey: string;
beforeAll(async () => {
  server = await openServer(suiteDatabase());
});
beforeEach(async () => {
  owner = await server.newUser();
  publicKey = newSshKeyPair().publicKey;
  await server.app.services.sshKeys.add(owner, { publicKey });
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

const address = '198.51.100.7';
const authorize = (login: string, environment?: string, key = publicKey) =>
  server.app.services.sshAccess.authorize(server.platform, { login, publicKey: key, environment, address });
const ticketOf = async (token: string | null) => verifyTicket('client', token ?? '', await server.app.tickets.keySet());

describe('an SSH login', () => {
  it('by the environment’s name or id gets a ticket that needs no key', async () => {
    const id = await running(owner, 'web');
    for (const login of ['web', id]) {
      const grant = await authorize(login);
      expect(grant).toMatchObject({ userId: owner.userId, environment: { id, name: 'web', phase: 'running' } });
      expect(grant.relayUrl).toBe('ws://127.0.0.1:7081');
      expect(await ticketOf(grant.ticket)).toMatchObject({
        environmentId: id,
        userId: owner.userId,
        target: { kind: 'ssh', auth: 'ticket' },
      });
    }
  });

  it('to a destination through the jump gets a ticket with which the worker checks the key', async () => {
    const id = await running(owner, 'web');
    for (const login of [owner.login, 'web']) {
      const { ticket } = await authorize(login, 'web');
      expect(await ticketOf(ticket)).toMatchObject({ environmentId: id, target: { kind: 'ssh', auth: 'publickey' } });
    }
  });

  it('by the owner’s own login says who it is, and grants nothing yet', async () => {
    expect(await authorize(owner.login)).toEqual({
      userId: owner.userId,
      environment: null,
      relayUrl: null,
      ticket: null,
      shareId: null,
    });
  });

  it('to an environment that does not run says in which phase it is, without a ticket', async () => {
    await server.app.services.environments.create(owner, { name: 'cold' });
    expect(await authorize('cold')).toMatchObject({ environment: { phase: 'queued' }, ticket: null });
  });

  it('is refused in the same words for everything that is wrong', async () => {
    await running(owner, 'web');
    const other = await server.newUser();
    const foreignId = await running(other, 'theirs');
    const { id: deletedId } = await server.app.services.environments.create(owner, { name: 'gone' });
    await server.db.environment.update({ where: { id: deletedId }, data: { phase: 'deleted' } });
    const strange = newSshKeyPair().publicKey;
    const attempts: [string, (string | undefined)?, string?][] = [
      ['nobody'],
      ['theirs'],
      [foreignId],
      [other.login],
      ['gone'],
      [deletedId],
      [newId('environment')],
      [''],
      ['../web'],
      [owner.login, 'theirs'],
      [owner.login, foreignId],
      [owner.login, 'nobody'],
      ['web', 'theirs'],
      ['theirs', 'web'],
      ['web', undefined, strange],
      [owner.login, 'web', strange],
      ['web', undefined, ''],
      ['web', undefined, 'ssh-ed25519'],
      ['web', undefined, 'not a key'],
    ];
    const refusals = new Set<string>();
    for (const attempt of attempts) {
      const err = await authorize(...attempt).catch((err) => err);
      refusals.add(`${err.code}: ${err.message}`);
    }
    expect([...refusals]).toEqual(['FORBIDDEN: there is no such environment, or this key may not enter it']);
  });

  it('is refused to a platform that the environment does not run on', async () => {
    await running(owner, 'web');
    const elsewhere = { ...server.platform, platformId: newId('platform') };
    const wish = { login: 'web', publicKey, address };
    await expect(server.app.services.sshAccess.authorize(elsewhere, wish)).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  it('is refused as soon as the key is removed', async () => {
    await running(owner, 'web');
    const [key] = await server.app.services.sshKeys.list(owner);
    await server.app.services.sshKeys.remove(owner, key?.id ?? '');
    await expect(authorize('web')).rejects.toMatchObject({ code: 'FORBIDDEN' });
  });

  it('finds each owner’s own environment when two have uploaded the same key', async () => {
    const other = await server.newUser();
    await server.app.services.sshKeys.add(other, { publicKey });
    const id = await running(other, 'theirs');
    expect(await authorize('theirs')).toMatchObject({ userId: other.userId, environment: { id } });
  });

  it('notes when the key was used, and where from', async () => {
    await running(owner, 'web');
    await authorize('web');
    const [key] = await server.app.services.sshKeys.list(owner);
    expect(key?.lastUsedAt).not.toBeNull();
    expect(key?.lastUsedFrom).toBe(address);
  });

  it('that has proven nothing yet hears whether the key would do, and leaves no trace', async () => {
    await running(owner, 'web');
    const { sshAccess, sshKeys } = server.app.services;
    const entries = () => server.db.auditEntry.count({ where: { action: 'enterBySsh', actorId: owner.userId } });
    const grant = await sshAccess.authorize(server.platform, { login: 'web', publicKey });
    expect(grant).toMatchObject({ environment: { name: 'web' }, ticket: null });
    expect((await sshKeys.list(owner))[0]).toMatchObject({ lastUsedAt: null, lastUsedFrom: null });
    expect(await entries()).toBe(0);
    await authorize('web');
    expect(await entries()).toBe(1);
  });

  it('is refused by a key that has expired', async () => {
    await running(owner, 'web');
    const where = { userId: owner.userId };
    await server.db.sshKey.updateMany({ where, data: { expiresAt: new Date(Date.now() + 60_000) } });
    expect((await authorize('web')).ticket).not.toBeNull();
    await server.db.sshKey.updateMany({ where, data: { expiresAt: new Date(Date.now() - 1) } });
    await expect(authorize('web')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(await server.app.services.sshKeys.authorizedKeysOf(owner.userId, [])).toEqual([]);
  });

  it('by a security key that must know its holder takes a PIN or a finger', async () => {
    const { sshAccess, sshKeys } = server.app.services;
    await running(owner, 'web');
    const key = new SecurityKey('sk-ssh-ed25519@openssh.com').publicKey;
    await sshKeys.add(owner, { publicKey: key, verifyRequired: true });
    const wish = { login: 'web', publicKey: key, address };
    for (const isUserVerified of [false, undefined]) {
      await expect(sshAccess.authorize(server.platform, { ...wish, isUserVerified })).rejects.toMatchObject({
        code: 'FORBIDDEN',
      });
    }
    expect((await sshAccess.authorize(server.platform, { ...wish, isUserVerified: true })).ticket).not.toBeNull();
    expect(await sshKeys.authorizedKeysOf(owner.userId, [])).toContainEqual(
      expect.objectContaining({ publicKey: key, verifyRequired: true }),
    );
  });

  it('asks for a PIN or a finger of security keys alone', async () => {
    const add = { publicKey: newSshKeyPair().publicKey, verifyRequired: true };
    await expect(server.app.services.sshKeys.add(owner, add)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
  });

  it('is for jumps: neither users nor strangers may ask', async () => {
    const document = `mutation ($input: AuthorizeSshInput!) {
      authorizeSsh(input: $input) { __typename ... on Refusal { code } } }`;
    const variables = { input: { login: 'web', publicKey } };
    expect((await server.ask(document, variables, owner.headers)).data.authorizeSsh.code).toBe('FORBIDDEN');
    expect((await server.ask(document, variables, {})).data.authorizeSsh.code).toBe('UNAUTHENTICATED');
  });
});

describe('a ticket', () => {
  const create = (user: User, input: { environment: string; port?: number; ssh?: boolean }) =>
    server.app.services.ticketAccess.create(user, input);

  it('opens one port of one environment, for minutes', async () => {
    const id = await running(owner, 'web');
    const ticket = await create(owner, { environment: 'web', port: 8080 });
    expect(ticket.relayUrl).toBe('ws://127.0.0.1:7081');
    expect(ticket.expiresAt.getTime()).toBeLessThanOrEqual(Date.now() + 300_000);
    expect(await ticketOf(ticket.token)).toMatchObject({ environmentId: id, target: { kind: 'port', port: 8080 } });
  });

  it('for SSH leaves the key to the worker', async () => {
    await running(owner, 'web');
    const { token } = await create(owner, { environment: 'web', ssh: true });
    expect(await ticketOf(token)).toMatchObject({ target: { kind: 'ssh', auth: 'publickey' } });
  });

  it.each([
    [{ environment: 'web' }, 'INVALID_INPUT'],
    [{ environment: 'web', port: 80, ssh: true }, 'INVALID_INPUT'],
    [{ environment: 'web', port: 0 }, 'INVALID_INPUT'],
    [{ environment: 'web', port: 65_536 }, 'INVALID_INPUT'],
    [{ environment: 'nothing', port: 80 }, 'NOT_FOUND'],
  ])('is refused for %j', async (input, code) => {
    await running(owner, 'web');
    await expect(create(owner, input)).rejects.toMatchObject({ code });
  });

  it('is refused while the environment does not run', async () => {
    await server.app.services.environments.create(owner, { name: 'cold' });
    await expect(create(owner, { environment: 'cold', port: 80 })).rejects.toMatchObject({
      code: 'ENVIRONMENT_NOT_RUNNING',
      details: { phase: 'queued' },
    });
  });

  it('is refused to everybody but the owner, administrators too', async () => {
    const id = await running(owner, 'web');
    const stranger = await server.newUser();
    const administrator = { ...stranger, rights: ADMINISTRATOR };
    for (const user of [stranger, administrator]) {
      await expect(create(user, { environment: id, port: 80 })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    }
  });
});

describe('signing keys', () => {
  it('are published before they sign, and kept until the last ticket has expired', async () => {
    const { tickets } = server.app;
    const first = (await tickets.keySet()).keys.map(({ kid }) => kid);
    expect(first).toHaveLength(1);
    await tickets.rotate();
    expect((await tickets.keySet()).keys.map(({ kid }) => kid)).toEqual(first);
    await server.db.signingKey.updateMany({ data: { createdAt: new Date(Date.now() - 31 * 86_400_000) } });
    await Promise.all([tickets.rotate(), tickets.rotate(), tickets.rotate()]);
    const both = (await tickets.keySet()).keys.map(({ kid }) => kid);
    expect(both).toHaveLength(2);
    const claims = {
      environmentId: newId('environment'),
      userId: owner.userId,
      credentialId: owner.credential.id,
      target: { kind: 'port', port: 1 },
    } as const;
    const kidOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid;
    expect(kidOf((await tickets.forClient(claims)).token)).toBe(first[0]);
    await server.db.signingKey.updateMany({
      where: { id: { notIn: first.map(String) } },
      data: { createdAt: new Date(Date.now() - 2 * 3_600_000) },
    });
    await tickets.rotate();
    expect(kidOf((await tickets.forClient(claims)).token)).not.toBe(first[0]);
    expect((await tickets.keySet()).keys).toHaveLength(2);
  });

  it('are sealed in the database', async () => {
    const rows = await server.db.signingKey.findMany();
    expect(JSON.stringify(rows)).not.toMatch(/"d":/);
    for (const row of rows) expect(row.privateJwk).toMatch(/^v2\./);
  });
});
