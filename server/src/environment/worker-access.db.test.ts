import { newSshKeyPair } from '@easel/kit/ssh/private-key';
import type { EnvironmentId } from '@easel/schema/ids';
import { newId } from '@easel/schema/ids';
import { manifestSchema } from '@easel/schema/wire/manifest';
import { verifyTicket } from '@easel/schema/wire/ticket';
import type { JSONWebKeySet } from 'jose';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { UserActor } from '../actor.ts';
import { openServer, suiteDatabase, type TestServer } from '../http/server.kit.ts';

let server: TestServer;
let owner: UserActor;
beforeAll(async () => {
  server = await openServer(suiteDatabase(), { EASEL_DEFAULT_IMAGE: 'debian:12' });
});
beforeEach(async () => {
  owner = await server.newUser();
});
afterAll(() => server.close());

async function place(input: { branch?: string } = {}) {
  const { id, name } = await server.app.services.environments.create(owner, input);
  const placement = (await server.claim()).find((placement) => placement.environmentId === id);
  if (!placement) throw new Error('the placement was not handed out');
  return { id: id as EnvironmentId, name, placement };
}

it('tells a worker everything at once', async () => {
  const pair = newSshKeyPair();
  await server.app.services.sshKeys.add(owner, { publicKey: `${pair.publicKey} me@home` });
  const { id, name, placement } = await place({ branch: 'dev' });
  const access = await server.hello(placement);
  expect(manifestSchema.parse(access.manifest)).toEqual(access.manifest);
  expect(access.manifest).toMatchObject({
    environmentId: id,
    environmentName: name,
    generation: 1,
    owner: { login: owner.login },
    sources: { url: 'https://git.example.com/team/sample.git', branch: 'dev' },
    image: 'debian:12',
    authorizedKeys: [{ publicKey: pair.publicKey, userId: owner.userId }],
  });
  expect(access).toMatchObject({ ownerId: owner.userId, ackedReport: 0, ackedLog: 0 });
  const ticket = await verifyTicket('worker', access.relay?.token ?? '', access.ticketKeys as unknown as JSONWebKeySet);
  expect(ticket).toMatchObject({ environmentId: id, generation: 1 });
});

it('gives the same host key at every start, sealed in the database', async () => {
  const { id, placement } = await place();
  const first = (await server.hello(placement)).manifest.sshHostKey;
  expect(first).toMatch(/^-----BEGIN OPENSSH PRIVATE KEY-----/);
  await server.report(placement, { type: 'worker.stopped', isClean: true, text: '' });
  await server.app.services.environments.start(owner, id);
  const row = await server.db.environment.findUniqueOrThrow({ where: { id } });
  expect(row.sshHostKey).toMatch(/^v2\./);
  const [ending] = (await server.claim()).filter((claimed) => claimed.environmentId === id);
  await server.observe({ type: 'ended', placementId: ending?.id, wish: 'end' });
  const again = (await server.claim()).find((claimed) => claimed.environmentId === id);
  if (!again) throw new Error('the second start was not handed out');
  expect((await server.hello(again)).manifest.sshHostKey).toBe(first);
});

it('hands out the same token at every claim, so that a scheduler may start over', async () => {
  const { placement } = await place();
  await server.db.placement.update({ where: { id: placement.id }, data: { leaseExpiresAt: new Date(0) } });
  const [again] = await server.claim();
  expect(again).toMatchObject({ id: placement.id, workerToken: placement.workerToken });
});

it('lets the worker come again with its own secret, and nobody else with its token', async () => {
  const { placement } = await place();
  await server.hello(placement);
  await server.hello(placement);
  await expect(server.hello(placement, { secret: 'ef'.repeat(32) })).rejects.toMatchObject({ code: 'FORBIDDEN' });
});

it('lets one of two workers in that come at once with the same token', async () => {
  const { placement } = await place();
  const outcomes = await Promise.allSettled(
    ['11', '22', '33', '44'].map((byte) => server.hello(placement, { secret: byte.repeat(32) })),
  );
  expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(1);
});

it('refuses a wrong token, a foreign worker and a foreign environment in the same words', async () => {
  const { placement } = await place();
  const { placement: other } = await place();
  const attempts = [
    { token: '' },
    { token: 'ab'.repeat(32) },
    { token: other.workerToken ?? '' },
    { workerId: newId('worker') },
    { environmentId: newId('environment') },
    { environmentId: other.environmentId },
    { generation: 2 },
  ];
  const messages = new Set<string>();
  for (const attempt of attempts) {
    const err: { code: string; message: string } = await server.hello(placement, attempt).then(
      () => ({ code: 'none', message: '' }),
      (err) => err,
    );
    expect(err.code).toBe('FORBIDDEN');
    messages.add(err.message);
  }
  expect(messages.size).toBe(1);
});

it('sends a worker of an earlier generation away for good', async () => {
  const { id, placement } = await place();
  await server.hello(placement);
  await server.report(placement, { type: 'worker.stopped', isClean: true, text: '' });
  await server.app.services.environments.start(owner, id);
  await expect(server.hello(placement)).rejects.toMatchObject({ code: 'GENERATION_STALE' });
});

it('does not let a worker begin what is being stopped', async () => {
  const { id, placement } = await place();
  await server.app.services.environments.stop(owner, id);
  await expect(server.hello(placement)).rejects.toMatchObject({ code: 'WRONG_STATE' });
});

it('lets a worker back in to be stopped', async () => {
  const { id, placement } = await place();
  await server.hello(placement);
  await server.app.services.environments.stop(owner, id);
  expect((await server.hello(placement)).environmentId).toBe(id);
});

it('stores the worker’s secret as a hash only', async () => {
  const { placement } = await place();
  await server.hello(placement, { secret: '9a'.repeat(32) });
  const rows = await server.db.$queryRawUnsafe<unknown[]>('SELECT * FROM workers');
  expect(JSON.stringify(rows)).not.toContain('9a9a9a9a');
});
