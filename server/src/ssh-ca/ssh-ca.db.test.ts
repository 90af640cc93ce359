/** Who gets certificates, and what they are good for at the API. */
import { readCertificate } from '@easel/kit/ssh/certificate';
import { newSshKeyPair } from '@easel/kit/ssh/private-key';
import { SSH_AUTHORITIES_PATH } from '@easel/schema/wire/ssh-certificate';
import { verifyTicket } from '@easel/schema/wire/ticket';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { badCertificates, TestAuthority } from '../../../test/kit/ssh-authority.ts';
import { asUser } from '../actor.ts';
import { openServer, READY, suiteDatabase, type TestServer } from '../http/server.kit.ts';

type User = Awaited<ReturnType<TestServer['newUser']>>;

let server: TestServer;
let owner: User;
const { publicKey } = newSshKeyPair();
const address = '198.51.100.7';
beforeAll(async () => {
  server = await openServer(suiteDatabase());
});
beforeEach(async () => {
  const user = await server.newUser();
  owner = { ...user, ...asUser(await server.app.authentication.ofToken(user.token)) };
});
afterAll(() => server.close());

async function running(user: User, name: string) {
  const { id } = await server.app.services.environments.create(user, { name });
  const placement = (await server.claim()).find((placement) => placement.environmentId === id);
  if (!placement) throw new Error('the placement was not handed out');
  await server.hello(placement);
  await server.report(placement, READY);
  return id;
}

const create = (input: object = {}, user = owner) => server.app.services.sshCa.create(user, { publicKey, ...input });
const authorize = (login: string, certificate: string, more: object = {}) =>
  server.app.services.sshAccess.authorize(server.platform, { login, certificate, address, ...more });
const refused = { code: 'FORBIDDEN', message: 'there is no such environment, or this key may not enter it' };

it('gives a certificate for minutes, of the published authority, that opens all of the user’s environments', async () => {
  const id = await running(owner, 'web');
  const given = await create();
  const certificate = readCertificate(Buffer.from(given.certificate.split(' ')[1] ?? '', 'base64'));
  expect(certificate).toMatchObject({ kind: 1, principals: [owner.userId], keyId: given.keyId });
  expect(given.validBefore.getTime() - Date.now()).toBeLessThanOrEqual(600_000);
  const body = (await (await fetch(`${server.url}${SSH_AUTHORITIES_PATH}`)).json()) as { authorities: string[] };
  expect(body.authorities).toEqual([`ssh-ed25519 ${certificate?.authority.toString('base64')}`]);
  const grant = await authorize('web', given.certificate);
  const claims = await verifyTicket('client', grant.ticket ?? '', await server.app.tickets.keySet());
  expect(claims).toMatchObject({ environmentId: id, credentialId: owner.credential.id, address });
  const [entry] = await server.db.auditEntry.findMany({ where: { action: 'enterBySsh', actorId: owner.userId } });
  expect(entry).toMatchObject({
    credentialId: owner.credential.id,
    details: { certificateId: given.id, serial: given.serial },
  });
});

it('ends with the token that asked for it, and with its user', async () => {
  await running(owner, 'web');
  const { certificate } = await create();
  await server.db.user.update({ where: { id: owner.userId }, data: { disabledAt: new Date() } });
  await expect(authorize('web', certificate)).rejects.toMatchObject(refused);
  await server.db.user.update({ where: { id: owner.userId }, data: { disabledAt: null } });
  expect((await authorize('web', certificate)).ticket).not.toBeNull();
  await server.app.services.apiTokens.revoke(owner, owner.credential.id);
  await expect(authorize('web', certificate)).rejects.toMatchObject(refused);
  await expect(authorize('web', certificate, { address: undefined })).rejects.toMatchObject(refused);
});

it('opens one environment alone when it was asked for that', async () => {
  const id = await running(owner, 'web');
  await running(owner, 'other');
  const { certificate, principals } = await create({ environment: 'web' });
  expect(principals).toEqual([id]);
  expect((await authorize('web', certificate)).ticket).not.toBeNull();
  expect((await authorize('web', certificate, { environment: 'web' })).ticket).not.toBeNull();
  const attempts: [string, object?][] = [
    ['other'],
    [owner.login],
    ['web', { environment: 'other' }],
    [owner.login, { environment: 'web' }],
  ];
  for (const [login, more] of attempts)
    await expect(authorize(login, certificate, more)).rejects.toMatchObject(refused);
});

it('opens nobody else’s environments, and is not given for them', async () => {
  const other = await server.newUser();
  const id = await running(other, 'theirs');
  await expect(create({ environment: id })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  const { certificate } = await create();
  for (const login of ['theirs', id, other.login]) {
    await expect(authorize(login, certificate)).rejects.toMatchObject(refused);
  }
});

it('is bound to the addresses that it was asked for', async () => {
  await running(owner, 'web');
  const { certificate } = await create({ sourceAddresses: ['198.51.100.0/24'] });
  expect((await authorize('web', certificate)).ticket).not.toBeNull();
  await expect(authorize('web', certificate, { address: '203.0.113.1' })).rejects.toMatchObject(refused);
  await expect(create({ sourceAddresses: ['here'] })).rejects.toMatchObject({ code: 'INVALID_INPUT' });
});

it.each([
  { publicKey: 'nonsense' },
  { publicKey: '' },
  { validSeconds: 299 },
  { validSeconds: 901 },
  { environment: '' },
])('is refused for %j', async (input) => {
  await expect(create(input)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
});

it('is believed from the jump only as far as it is good', async () => {
  await running(owner, 'web');
  for (const [why, certificate] of badCertificates(new TestAuthority(), publicKey, owner.userId)) {
    // Jumps take both for the same no.
    const code = why === 'is too large' ? 'INVALID_INPUT' : 'FORBIDDEN';
    await expect(authorize('web', certificate), why).rejects.toMatchObject({ code });
  }
  const { certificate } = await create();
  const [type = '', base64 = ''] = certificate.split(' ');
  const bytes = Buffer.from(base64, 'base64');
  bytes[bytes.length - 1]! ^= 1;
  for (const text of [
    '',
    type,
    `${type} `,
    `${type} ${base64}A`,
    `${type} ${bytes.toString('base64')}`,
    `x ${base64}`,
  ]) {
    await expect(authorize('web', text)).rejects.toMatchObject(refused);
  }
});

it('may run out under a connection that stands, whose recheck gives no ticket', async () => {
  await running(owner, 'web');
  const { certificate } = await create();
  const grant = await authorize('web', certificate, { address: undefined });
  expect(grant).toMatchObject({ userId: owner.userId, ticket: null });
});

it('is signed by keys that change like those of tickets, sealed in the database', async () => {
  const { sshAuthorities } = server.app;
  const [first] = await sshAuthorities.published();
  await server.db.sshAuthority.updateMany({ data: { createdAt: new Date(Date.now() - 31 * 86_400_000) } });
  await Promise.all([sshAuthorities.rotate(), sshAuthorities.rotate()]);
  expect(await sshAuthorities.published()).toHaveLength(2);
  const { certificate } = await create();
  const authority = readCertificate(Buffer.from(certificate.split(' ')[1] ?? '', 'base64'))?.authority;
  expect(`ssh-ed25519 ${authority?.toString('base64')}`).toBe(first);
  const rows = await server.db.sshAuthority.findMany();
  expect(JSON.stringify(rows)).not.toMatch(/"d":/);
});
