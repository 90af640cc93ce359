import type { Chained } from '@easel/schema/audit-chain';
import { AppError } from '@easel/schema/errors';
import { newId } from '@easel/schema/ids';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { ANONYMOUS } from '../actor.ts';
import { openServer, suiteDatabase, type TestServer } from '../http/server.kit.ts';
import type { ObjectStore } from '../objects/objects.ts';
import { exportHours, forgetOldEntries, seal, verify } from './archive.ts';

const HOUR_MS = 3_600_000;
const from = { address: '192.0.2.1', requestId: null };

let server: TestServer;
/** A clock that the test moves, and an object store that can be away. */
let now: number;
let isAway: boolean;
const clock = { now: () => now } as never;
const objects = new Proxy({} as ObjectStore, {
  get: (_target, verb: keyof ObjectStore) =>
    isAway ? away : (server.objects[verb] as () => unknown).bind(server.objects),
});
const away = async () => {
  throw new AppError({ code: 'OBJECT_STORE_UNAVAILABLE', message: 'away' });
};
const parts = () => ({ db: server.db, objects, clock });

beforeEach(async () => {
  await server?.close();
  server = await openServer(suiteDatabase());
  await server.db.auditEntry.deleteMany();
  await server.db.auditHead.deleteMany();
  now = Date.UTC(2026, 10, 24, 9, 30);
  isAway = false;
});
afterAll(() => server?.close());

const record = (action: string) => server.app.services.audit.record({ action, actor: ANONYMOUS, from }, 'done');
const code = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (err: AppError) => err.code,
  );
const keys = async () => (await server.objects.list('audit/')).map(({ key }) => key);
const linesOf = async (key: string) =>
  Buffer.from((await server.objects.get(key)) ?? '')
    .toString()
    .trimEnd()
    .split('\n');
const rewrite = async (key: string, lines: string[]) => server.objects.put(key, Buffer.from(`${lines.join('\n')}\n`));

/** So many hours of three entries each, sealed and exported. */
async function hours(count: number): Promise<void> {
  for (let hour = 0; hour < count; hour++) {
    for (const action of ['a', 'b', 'c']) await record(`${action}${hour}`);
    await seal(parts());
    now += HOUR_MS;
  }
  await exportHours(parts());
}

describe('a mutation', () => {
  it('leaves who, what, from where and what came of it, and nothing secret', async () => {
    const canary = 'canary-hunter2';
    const document = `mutation ($input: CreateTemplateInput!) { createTemplate(input: $input) { ... on Template { id } } }`;
    const input = {
      name: 'audited',
      repository: { url: `https://me:${canary}@git.example.com/a.git` },
      env: { API_KEY: canary },
    };
    await server.ask(document, { input });
    await server.ask(
      'mutation { setPassword(input: { current: "x", password: "canary-hunter2-long" }) { __typename } }',
    );
    const created = await server.db.auditEntry.findFirstOrThrow({ where: { action: 'createTemplate' } });
    expect(created).toMatchObject({ actorKind: 'user', actorLogin: 'admin', thingName: 'audited' });
    expect(created.address).toMatch(/127\.0\.0\.1$/);
    expect(created.details).toMatchObject({ input: { env: ['API_KEY'] } });
    expect(JSON.stringify(await server.db.auditEntry.findMany())).not.toContain(canary);
  });

  it('that is refused leaves the code of the refusal, also when it is refused at the door', async () => {
    const viewer = await server.newUser({ role: 'viewer' });
    await server.ask('mutation { createEnvironment(input: {}) { __typename } }', {}, viewer.headers);
    await server.ask('mutation { startEnvironment(id: "nothing") { __typename } }', {}, viewer.headers);
    const entries = await server.db.auditEntry.findMany({
      where: { actorId: viewer.userId, action: { not: 'useApiToken' } },
      orderBy: { at: 'asc' },
    });
    expect(entries.map(({ action, thingId, outcome }) => [action, thingId, outcome])).toEqual([
      ['createEnvironment', null, 'FORBIDDEN'],
      ['startEnvironment', 'nothing', 'NOT_FOUND'],
    ]);
  });

  it('names what it has made', async () => {
    const document = 'mutation { createInstanceType(input: { name: "audited" }) { ... on InstanceType { id } } }';
    const { id } = (await server.ask(document)).data.createInstanceType;
    expect(await server.db.auditEntry.findFirstOrThrow({ where: { action: 'createInstanceType' } })).toMatchObject({
      thingId: id,
      thingName: 'audited',
      outcome: 'done',
    });
  });
});

describe('a sign-in', () => {
  it('leaves an entry, and so does one that fails', async () => {
    const user = await server.newUser();
    const password = 'correct horse battery';
    await server.app.services.users.setPassword(user, { password });
    const device = { address: '192.0.2.9', userAgent: null };
    await server.app.localSignIn.withPassword({ login: user.login, password }, device);
    for (const wrong of [
      { login: user.login, password: 'wrong' },
      { login: 'hunter2-typed-here', password: 'x' },
    ]) {
      await server.app.localSignIn.withPassword(wrong, device).catch(() => null);
    }
    const entries = await server.db.auditEntry.findMany({ where: { action: 'signIn' }, orderBy: { at: 'asc' } });
    expect(entries).toMatchObject([
      { actorId: user.userId, actorLogin: user.login, address: '192.0.2.9', outcome: 'done' },
      { actorKind: 'anonymous', actorId: null, thingName: user.login, outcome: 'UNAUTHENTICATED' },
      { actorKind: 'anonymous', actorId: null, thingName: null, outcome: 'UNAUTHENTICATED' },
    ]);
  });
});

describe('entering an environment', () => {
  it('leaves one entry for one way in, however often the jump asks', async () => {
    const actor = await server.newUser();
    const act = { action: 'enterBySsh', actor, from, thingId: newId('environment') };
    for (let i = 0; i < 5; i++) await server.app.services.audit.entered(act);
    await server.app.services.audit.entered({ ...act, from: { ...from, address: '192.0.2.2' } });
    expect(await server.db.auditEntry.count({ where: { action: 'enterBySsh' } })).toBe(2);
  });
});

describe('the chain', () => {
  it('holds over objects and rows, and what is written twice is the same', async () => {
    await hours(3);
    await record('last');
    await seal(parts());
    expect(await verify(parts())).toEqual({ entries: 10, broken: null });
    expect(await keys()).toEqual([
      'audit/2026/11/24/09-000000000000001.jsonl',
      'audit/2026/11/24/10-000000000000004.jsonl',
      'audit/2026/11/24/11-000000000000007.jsonl',
    ]);
    const before = await Promise.all((await keys()).map(linesOf));
    await server.db.auditHead.update({ where: { id: 1 }, data: { exportedNumber: 0n } });
    await exportHours(parts());
    expect(await Promise.all((await keys()).map(linesOf))).toEqual(before);
  });

  it('is one, however many seal at once', async () => {
    for (let i = 0; i < 20; i++) await record(`x${i}`);
    await Promise.all([seal(parts()), seal(parts()), seal(parts())]);
    expect(await verify(parts())).toEqual({ entries: 20, broken: null });
  });

  it('takes what was begun by a server that is gone, and says so', async () => {
    const begun = server.app.services.audit.during(
      { action: 'slow', actor: ANONYMOUS, from },
      () => new Promise(() => {}),
    );
    void begun;
    await expect.poll(() => server.db.auditEntry.count({ where: { outcome: 'begun' } })).toBe(1);
    now = Date.now();
    expect(await seal(parts())).toBe(0);
    now += 11 * 60_000;
    expect(await seal(parts())).toBe(1);
    expect(await verify(parts())).toEqual({ entries: 1, broken: null });
  });

  it('waits for an object store that is away, and is then whole and in order', async () => {
    await hours(1);
    isAway = true;
    for (let minute = 0; minute < 30; minute++) {
      await record(`away${minute}`);
      await seal(parts());
      now += 60_000;
      if (minute % 10 === 0) now += HOUR_MS;
      expect(await code(exportHours(parts()))).toBe('OBJECT_STORE_UNAVAILABLE');
      await forgetOldEntries(
        { ...parts(), clock: { now: () => now + 400 * 86_400_000 } as never },
        {
          databaseDays: 1,
          retentionDays: 0,
        },
      );
    }
    isAway = false;
    now += HOUR_MS;
    await exportHours(parts());
    expect(await verify(parts())).toEqual({ entries: 33, broken: null });
    const entries = (await Promise.all((await keys()).map(linesOf))).flatMap(([, ...lines]) => lines);
    const actions = entries
      .map((line) => (JSON.parse(line) as Chained).action)
      .filter((word) => word.startsWith('away'));
    expect(actions).toEqual(Array.from({ length: 30 }, (_, minute) => `away${minute}`));
  });

  it('holds from the oldest object that is left, and rows go only once they are in one', async () => {
    await hours(3);
    await record('kept');
    await seal(parts());
    const late = { ...parts(), clock: { now: () => now + 100 * 86_400_000 } as never };
    await forgetOldEntries(late, { databaseDays: 90, retentionDays: 0 });
    expect(await server.db.auditEntry.count()).toBe(2);
    expect(await verify(parts())).toEqual({ entries: 10, broken: null });
    now += HOUR_MS;
    await exportHours(parts());
    expect(await verify(parts())).toEqual({ entries: 10, broken: null });
    const [oldest = ''] = await keys();
    await server.objects.remove([oldest]);
    expect(await verify(parts())).toEqual({ entries: 7, broken: null });
    await forgetOldEntries(late, { databaseDays: 90, retentionDays: 1 });
    expect(await keys()).toEqual([]);
  });

  it.each([
    ['an edited line', (lines: string[]) => lines.map((line) => line.replace('"b1"', '"harmless"'))],
    ['a removed line', (lines: string[]) => lines.filter((line) => !line.includes('"b1"'))],
    ['swapped lines', ([head = '', a = '', b = '', c = '']: string[]) => [head, b, a, c]],
    ['a line cut short', (lines: string[]) => [...lines.slice(0, -1), '{"number":']],
  ])('is broken by %s', async (_name, change) => {
    await hours(3);
    const [, second = ''] = await keys();
    await rewrite(second, change(await linesOf(second)));
    const { broken } = await verify(parts());
    expect(broken?.number).toBeGreaterThanOrEqual(4);
    expect(broken?.number).toBeLessThanOrEqual(6);
    expect(broken?.why).toContain(second);
  });

  it('is broken by a removed object, at its middle and at its end', async () => {
    await hours(3);
    const [, second = '', third = ''] = await keys();
    const kept = await linesOf(second);
    await server.objects.remove([second]);
    expect((await verify(parts())).broken?.number).toBe(4);
    await rewrite(second, kept);
    await server.objects.remove([third]);
    expect((await verify(parts())).broken).toMatchObject({ number: 7 });
  });

  it('is broken by an edited and by a removed row', async () => {
    for (const action of ['a', 'b', 'c']) await record(action);
    await seal(parts());
    await server.db.auditEntry.updateMany({ where: { action: 'b' }, data: { outcome: 'FORBIDDEN' } });
    expect((await verify(parts())).broken?.number).toBe(2);
    await server.db.auditEntry.updateMany({ where: { action: 'b' }, data: { outcome: 'done' } });
    expect((await verify(parts())).broken).toBeNull();
    await server.db.auditEntry.deleteMany({ where: { action: 'c' } });
    expect((await verify(parts())).broken?.number).toBe(3);
  });
});

describe('the API', () => {
  it('pages through the log, filtered', async () => {
    const user = await server.newUser({ role: 'viewer' });
    for (let i = 0; i < 3; i++) {
      await server.ask(`mutation { startEnvironment(id: "e${i}") { __typename } }`, {}, user.headers);
    }
    const document = `query ($filter: AuditFilter, $after: String) { auditEntries(first: 2, filter: $filter, after: $after) {
      edges { node { action thingId outcome actorLogin } } pageInfo { hasNextPage endCursor } } }`;
    const filter = { actor: user.login, outcome: 'refused', from: new Date(Date.now() - HOUR_MS).toISOString() };
    const { data: first, errors } = await server.ask(document, { filter });
    expect(errors).toEqual([]);
    const { endCursor: after, hasNextPage } = first.auditEntries.pageInfo;
    expect([first.auditEntries.edges.length, hasNextPage]).toEqual([2, true]);
    const { data: second } = await server.ask(document, { filter, after });
    const things = [...first.auditEntries.edges, ...second.auditEntries.edges].map(({ node }) => node.thingId);
    expect(things).toEqual(['e2', 'e1', 'e0']);
    expect((await server.ask(document, { filter: { thing: 'e1' } })).data.auditEntries.edges).toHaveLength(1);
    expect((await server.ask(document, { filter: { outcome: 'done', thing: 'e1' } })).data.auditEntries.edges).toEqual(
      [],
    );
  });

  it('verifies', async () => {
    await hours(1);
    const { data } = await server.ask('{ verifyAudit { isIntact entries brokenNumber problem } }');
    expect(data.verifyAudit).toEqual({ isIntact: true, entries: 3, brokenNumber: null, problem: null });
  });
});
