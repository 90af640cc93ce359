/** The log as a file: whole, in order, checkable, and for those alone who may read it. */
import { ChainCheck } from '@easel/schema/audit-chain';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { ANONYMOUS } from '../actor.ts';
import { openServer, suiteDatabase, type TestServer } from '../http/server.kit.ts';
import { exportHours, forgetOldEntries, seal } from './archive.ts';
import { exported } from './export.ts';
import { type AuditFilter, fits } from './filter.ts';

const HOUR_MS = 3_600_000;
const NONE: AuditFilter = { actor: null, action: null, thing: null, outcome: null, from: null, to: null };

let server: TestServer;
let now: number;
const clock = { now: () => now } as never;
const parts = () => ({ db: server.db, objects: server.objects, clock });

beforeEach(async () => {
  await server?.close();
  server = await openServer(suiteDatabase());
  await server.db.auditEntry.deleteMany();
  await server.db.auditHead.deleteMany();
  now = Date.UTC(2026, 8, 1, 9, 30);
});
afterAll(() => server?.close());

async function record(action: string, thingName: string | null = null): Promise<void> {
  const act = { action, actor: ANONYMOUS, from: { address: '192.0.2.1', requestId: null }, thingName };
  await server.app.services.audit.record(act, 'done');
  const newest = await server.db.auditEntry.findFirstOrThrow({ orderBy: { id: 'desc' } });
  await server.db.auditEntry.update({ where: { id: newest.id }, data: { at: new Date(now) } });
}

/** Hours of three entries each; the older half lies in the object store alone. */
async function history(hours: number): Promise<void> {
  for (let hour = 0; hour < hours; hour++) {
    for (const action of ['a', 'b', 'c']) await record(action, `hour${hour}`);
    await seal(parts());
    now += HOUR_MS;
  }
  await exportHours(parts());
  const late = { now: () => now - (hours / 2) * HOUR_MS + 86_400_000 } as never;
  await forgetOldEntries({ ...parts(), clock: late }, { databaseDays: 1, retentionDays: 0 });
}

const get = (query: string, headers: Record<string, string> = { authorization: `Bearer ${server.adminToken}` }) =>
  fetch(`${server.url}/audit/export?${query}`, { headers });

function check(text: string): ChainCheck {
  const checked = new ChainCheck();
  checked.begin('export');
  for (const line of text.split('\n')) checked.take(line);
  checked.end();
  return checked;
}

async function all(filter: AuditFilter) {
  const found = [];
  for await (const page of exported(parts(), filter)) found.push(...page);
  return found;
}

describe('an export', () => {
  it('holds what only the object store has, and what the database has, once each and in order', async () => {
    await history(10);
    const left = await server.db.auditEntry.count();
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(30);
    expect((await all(NONE)).map(({ number }) => number)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
    const answer = await get('format=jsonl');
    expect(answer.headers.get('content-disposition')).toMatch(/attachment; filename="audit-.*\.jsonl"/);
    const text = await answer.text();
    // The thirty, and the first use of the token that asks.
    expect(check(text)).toMatchObject({ entries: 31, broken: null });
    expect(text.split('\n')[0]).toContain('"isFiltered":false');
  });

  it('filters alike, wherever an entry lies', async () => {
    await history(6);
    const every = await all(NONE);
    const filters: AuditFilter[] = [
      { ...NONE, action: 'b' },
      { ...NONE, thing: 'hour1' },
      { ...NONE, outcome: 'refused' },
      { ...NONE, outcome: 'done', action: 'c' },
      { ...NONE, from: new Date(Date.UTC(2026, 8, 1, 11)), to: new Date(Date.UTC(2026, 8, 1, 14)) },
    ];
    for (const filter of filters) {
      const numbers = (await all(filter)).map(({ number }) => number);
      expect(numbers).toEqual(every.filter((entry) => fits(filter, entry)).map(({ number }) => number));
    }
    const text = await (await get('action=b')).text();
    expect(check(text)).toMatchObject({ entries: 6, broken: null });
  });

  it.each([
    ['an edited line', (lines: string[]) => lines.map((line) => line.replace('"hour2"', '"harmless"'))],
    ['a removed line', (lines: string[]) => lines.filter((line) => !line.includes('"number":7'))],
    ['a missing end', (lines: string[]) => lines.filter((line) => !line.includes('"end"'))],
    ['swapped lines', ([head = '', a = '', b = '', ...rest]: string[]) => [head, b, a, ...rest]],
  ])('is found out with %s', async (_name, change) => {
    await history(4);
    for (const query of ['', 'action=b&action=b'.slice(0, 8)]) {
      const lines = (await (await get(query)).text()).trimEnd().split('\n');
      const changed = change(lines);
      if (JSON.stringify(changed) === JSON.stringify(lines)) continue;
      expect(check(changed.join('\n')).broken).not.toBeNull();
    }
  });

  it('is no formula in a spreadsheet', async () => {
    for (const name of [
      '=HYPERLINK("http://evil")',
      '+1',
      '-1',
      '@SUM(A1)',
      '\t=1',
      ' =1',
      '\uff1d1',
      'plain, "quoted"',
    ]) {
      await record('a', name);
    }
    const text = await (await get('format=csv&action=a')).text();
    expect(text).toContain('"\'=HYPERLINK(""http://evil"")"');
    expect(text).toContain('"plain, ""quoted"""');
    const cells = text
      .split('\r\n')
      .slice(1)
      .flatMap((line) => line.split(','));
    expect(cells.filter((cell) => /^"?[\s]*[=+\-@\uff1d]/.test(cell))).toEqual([]);
  });

  it('leaves an entry of its own, and is for auditors and administrators', async () => {
    await record('a');
    const auditor = await server.newUser({ role: null, systemRole: 'auditor' });
    const developer = await server.newUser();
    expect((await get('', auditor.headers)).status).toBe(200);
    expect((await get('', developer.headers)).status).toBe(403);
    expect((await get('', {})).status).toBe(401);
    expect((await get('format=xml')).status).toBe(400);
    expect((await get('nothing=known')).status).toBe(400);
    const entry = await server.db.auditEntry.findFirstOrThrow({ where: { action: 'exportAudit' } });
    expect(entry).toMatchObject({ actorId: auditor.userId, outcome: 'done' });
  });

  it('takes no more memory for a long log than for a short one, and ends with the right to it', async () => {
    const rows = Array.from({ length: 8000 }, (_, i) => ({
      id: `aud${String(i).padStart(26, '0')}`,
      at: new Date(now),
      actorKind: 'anonymous',
      action: 'many',
      outcome: 'done',
      details: { text: 'x'.repeat(2000) },
    }));
    await server.db.auditEntry.createMany({ data: rows });
    await seal(parts());
    const auditor = await server.newUser({ role: null, systemRole: 'auditor' });
    const before = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed;
    const reader = (await get('', auditor.headers)).body?.getReader();
    await reader?.read();
    // The reader stands still: what is made ahead is what a socket and a page hold.
    await server.app.services.userAdmin.setDisabled(server.administrator, auditor.userId, true);
    const ended = (async () => {
      for (;;) if ((await reader?.read())?.done !== false) return 'whole';
    })();
    await expect(ended).rejects.toBeTruthy();
    const after = process.memoryUsage().arrayBuffers + process.memoryUsage().heapUsed;
    expect(after - before).toBeLessThan(64 * 1_048_576);
    const entry = await server.db.auditEntry.findFirst({ where: { action: 'exportAudit' } });
    expect(entry?.outcome).toBe('UNAUTHENTICATED');
  }, 90_000);
});

it('a change names what was before and what is after', async () => {
  const { id } = await server.app.services.instanceTypes.create(server.administrator, { name: 'sized', cpus: 1 });
  const document = `mutation ($id: ID!) { updateInstanceType(id: $id, input: { name: "sized", cpus: 4 }) { __typename } }`;
  expect((await server.ask(document, { id })).data.updateInstanceType.__typename).toBe('InstanceType');
  const entry = await server.db.auditEntry.findFirstOrThrow({ where: { action: 'updateInstanceType' } });
  expect(entry.details).toMatchObject({ changes: { 'spec.cpus': { from: 1, to: 4 } } });
  const user = await server.newUser();
  await server.ask('mutation ($id: ID!) { setUserDisabled(id: $id, isDisabled: true) { __typename } }', {
    id: user.userId,
  });
  const disabled = await server.db.auditEntry.findFirstOrThrow({ where: { action: 'setUserDisabled' } });
  expect(disabled).toMatchObject({ thingName: user.login, details: { changes: { disabledAt: { from: null } } } });
});
