/** Environments that nobody uses: warned of, kept, started, and deleted only after all of it. */
import { type EnvironmentId, newId } from '@easel/schema/ids';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openServer, suiteDatabase, type TestServer } from '../http/server.kit.ts';
import { createOutgoing } from '../jobs/outgoing.ts';
import { type Mailbox, openMailbox } from '../mail/mail.kit.ts';

const DAY_MS = 86_400_000;
const POLICY = { EASEL_CLEANUP_DAYS: '30', EASEL_CLEANUP_NOTICE_DAYS: '3' };

let mailbox: Mailbox;
let server: TestServer;
let owner: Awaited<ReturnType<TestServer['newUser']>>;
let email: string;
const row = (id: string) => server.db.environment.findUniqueOrThrow({ where: { id } });
const sweep = (of: TestServer = server) => of.app.services.cleanup.sweep();

beforeAll(async () => {
  mailbox = await openMailbox();
  server = await openServer(suiteDatabase(), { ...mailbox.settings, ...POLICY });
});
afterAll(async () => {
  await server.close();
  await mailbox.close();
});
beforeEach(async () => {
  await server.db.environment.updateMany({ data: { cleanupAt: null, cleanupWarnedAt: null, keptAt: new Date() } });
  owner = await server.newUser();
  email = `${newId('event').slice(-12)}@example.com`;
  await server.db.user.update({ where: { id: owner.userId }, data: { email, emailVerifiedAt: new Date() } });
});

/** Stopped so many days ago. */
async function unusedFor(days: number, by = owner): Promise<EnvironmentId> {
  const { environments } = server.app.services;
  const { id } = await environments.create(by, { name: `e-${newId('event').slice(-10)}`, template: 'sample' });
  await environments.stop(by, id);
  await setBack(id, days);
  return id;
}
const setBack = (id: string, days: number) => {
  const at = new Date(Date.now() - days * DAY_MS);
  return server.db.environment.update({ where: { id }, data: { stoppedAt: at, createdAt: at, keptAt: null } });
};
/** As if the notice were over. */
const passNotice = (id: string) =>
  server.db.environment.update({
    where: { id },
    data: { cleanupWarnedAt: new Date(Date.now() - 3 * DAY_MS - 1000), cleanupAt: new Date(Date.now() - 1000) },
  });
const warnings = async (userId: string = owner.userId) => {
  const rows = await server.db.notification.findMany({ where: { userId, kind: 'cleanupWarning' } });
  return rows.map(({ thingId }) => thingId);
};
const ask = async (document: string, { headers } = owner) => (await server.ask(document, {}, headers)).data;

describe('an environment that nobody uses', () => {
  it('is deleted after its owner was warned, in the inbox and by mail, and the notice is over', async () => {
    const id = await unusedFor(28);
    await sweep();
    const { cleanupAt } = await row(id);
    expect(cleanupAt?.getTime()).toBeGreaterThanOrEqual(Date.now() + 3 * DAY_MS - 60_000);
    expect(await warnings()).toEqual([id]);
    const { db, log, clock } = server;
    await createOutgoing({ db, pool: server.database.pool, services: server.app.services, log, clock }).mails();
    const [mail] = mailbox.to(email);
    expect(mail?.parsed.subject).toMatch(/is going to be deleted$/);
    expect(mail && mailbox.linkOf(mail).pathname).toBe(`/environments/${id}`);

    await sweep();
    expect(await row(id)).toMatchObject({ phase: 'stopped' });
    expect(await warnings()).toEqual([id]);
    await setBack(id, 40);
    await passNotice(id);
    await sweep();
    expect(await row(id)).toMatchObject({ phase: 'deleting', desired: 'deleted' });
    const audited = await server.db.auditEntry.findMany({ where: { thingId: id, action: 'deleteEnvironment' } });
    expect(audited).toMatchObject([{ actorKind: 'server', actorId: null, outcome: 'done' }]);
    expect(audited[0]?.details).toMatchObject({ reason: 'Nobody has used it for 30 days.' });
  });

  it('is warned of in time, and not before', async () => {
    const [early, due] = [await unusedFor(26), await unusedFor(27.1)];
    await sweep();
    expect(await warnings()).toEqual([due]);
    expect((await row(early)).cleanupAt).toBeNull();
  });

  it('says when it goes, before the warning too', async () => {
    const id = await unusedFor(10);
    const show = async () =>
      (await ask(`{ environment(id: "${id}") { cleanup { at isWarned } } }`)).environment.cleanup;
    const planned = await show();
    expect(new Date(planned.at).getTime()).toBeCloseTo(Date.now() + 20 * DAY_MS, -5);
    expect(planned.isWarned).toBe(false);
    await setBack(id, 29);
    await sweep();
    expect((await show()).isWarned).toBe(true);
  });

  it('and was never warned of is not deleted, however long it is', async () => {
    const id = await unusedFor(400);
    await sweep();
    await sweep();
    const { phase, cleanupAt } = await row(id);
    expect(phase).toBe('stopped');
    expect(cleanupAt?.getTime()).toBeGreaterThan(Date.now() + 3 * DAY_MS - 60_000);
  });

  it('is kept by who owns it for a whole period, and by nobody else', async () => {
    const id = await unusedFor(28);
    await sweep();
    const keep = `mutation { keepEnvironment(id: "${id}") { __typename
      ... on Environment { cleanup { at isWarned } } ... on Refusal { code } } }`;
    expect((await ask(keep, await server.newUser())).keepEnvironment.code).toBe('NOT_FOUND');
    const { cleanup } = (await ask(keep)).keepEnvironment;
    expect(cleanup.isWarned).toBe(false);
    expect(new Date(cleanup.at).getTime()).toBeCloseTo(Date.now() + 30 * DAY_MS, -5);
    await sweep();
    expect(await row(id)).toMatchObject({ phase: 'stopped', cleanupAt: null });
    // A period later it is warned of again.
    await server.db.environment.update({ where: { id }, data: { keptAt: new Date(Date.now() - 28 * DAY_MS) } });
    await sweep();
    expect(await warnings()).toEqual([id, id]);
  });

  it('is not deleted once it was started, whatever the warning said', async () => {
    const id = await unusedFor(28);
    await sweep();
    await server.app.services.environments.start(owner, id);
    expect(await row(id)).toMatchObject({ cleanupAt: null, cleanupWarnedAt: null });
    await passNotice(id);
    await sweep();
    expect(await row(id)).toMatchObject({ phase: 'queued', desired: 'running' });
    await server.app.services.environments.stop(owner, id);
    await passNotice(id);
    await sweep();
    expect(await row(id)).toMatchObject({ phase: 'stopped', cleanupAt: null });
  });

  it('whose start comes at the same moment starts or goes, and never both', async () => {
    const ids = await Promise.all(Array.from({ length: 8 }, () => unusedFor(28)));
    await sweep();
    for (const id of ids) {
      await setBack(id, 40);
      await passNotice(id);
    }
    const starts = ids.map((id) => server.app.services.environments.start(owner, id).catch(() => null));
    await Promise.all([sweep(), sweep(), ...starts]);
    for (const [at, id] of ids.entries()) {
      const { phase, desired } = await row(id);
      const isStarted = (await starts[at]) !== null;
      expect([phase, desired]).toEqual(isStarted ? ['queued', 'running'] : ['deleting', 'deleted']);
    }
  });

  it('whose snapshot is being taken waits for it', async () => {
    const id = await unusedFor(28);
    await sweep();
    await setBack(id, 40);
    await passNotice(id);
    const { platformId } = await row(id);
    const snapshot = { id: newId('snapshot'), environmentId: id, ownerId: owner.userId, platformId, name: 'a' };
    await server.db.snapshot.create({ data: { ...snapshot, state: 'taking' } });
    await sweep();
    expect(await row(id)).toMatchObject({ phase: 'stopped' });
    await server.db.snapshot.update({ where: { id: snapshot.id }, data: { state: 'ready' } });
    await sweep();
    expect(await row(id)).toMatchObject({ phase: 'deleting' });
  });

  it('of somebody who cannot be told is told to administrators', async () => {
    const id = await unusedFor(28);
    await server.db.user.update({ where: { id: owner.userId }, data: { disabledAt: new Date() } });
    await sweep();
    expect(await warnings()).toEqual([]);
    expect(await warnings(server.administrator.userId)).toContain(id);
  });
});

describe('without the setting', () => {
  it('nothing is deleted, warnings are taken back, and nothing says when', async () => {
    const id = await unusedFor(28);
    await sweep();
    await setBack(id, 40);
    await passNotice(id);
    const other = await openServer(suiteDatabase());
    try {
      await sweep(other);
      expect(await row(id)).toMatchObject({ phase: 'stopped', cleanupAt: null, cleanupWarnedAt: null });
      const { data } = await other.ask(`{ node(id: "${id}") { ... on Environment { cleanup { at } } } }`);
      expect(data.node.cleanup).toBeNull();
    } finally {
      await other.close();
    }
    await sweep();
    expect(await row(id)).toMatchObject({ phase: 'stopped' });
    expect((await row(id)).cleanupAt?.getTime()).toBeGreaterThan(Date.now() + 2.9 * DAY_MS);
  });
});
