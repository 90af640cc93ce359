import { newId, type UserId } from '@easel/schema/ids';
import { describe, expect, it } from 'vitest';
import { createHub } from './live.ts';
import { decodeHints, encodeHints } from './notify.ts';

const env = () => newId('environment');
const ann = newId('user');
const bob = newId('user');

/** What a reader gets before the turn ends. */
async function drain<C>(changes: AsyncIterableIterator<C>): Promise<C[]> {
  const seen: C[] = [];
  for (;;) {
    const next = await Promise.race([changes.next(), new Promise<null>((resolve) => setImmediate(resolve, null))]);
    if (next === null || next.done) return seen;
    seen.push(next.value);
  }
}

describe('hints on the wire', () => {
  it('come back as they were told, each once, in payloads that PostgreSQL takes', () => {
    const environments = Array.from({ length: 500 }, () => ({ id: env(), ownerId: ann }));
    const removed = [{ id: env(), ownerId: bob }];
    const placements = [newId('platform')];
    const payloads = encodeHints({
      environments: [...environments, ...environments],
      removed,
      placements,
      logs: [removed[0]!.id],
      workers: [removed[0]!.id],
    });
    expect(payloads.length).toBeGreaterThan(1);
    for (const payload of payloads) expect(Buffer.byteLength(payload)).toBeLessThan(8000);
    const hints = payloads.map(decodeHints);
    expect(hints.flatMap((hint) => hint.environments)).toEqual(environments);
    expect(hints.flatMap((hint) => hint.removed)).toEqual(removed);
    expect(hints.flatMap((hint) => hint.placements)).toEqual(placements);
    expect(hints.flatMap((hint) => hint.logs)).toEqual([removed[0]!.id]);
    expect(hints.flatMap((hint) => hint.workers)).toEqual([removed[0]!.id]);
  });

  it('pass over what this version does not know', () => {
    const empty = { ...decodeHints(''), environments: [], removed: [] };
    expect(Object.values(empty).flat()).toEqual([]);
    for (const payload of [
      '',
      ' ',
      'z',
      `z${env()}`,
      'e',
      `e${env()}`,
      `e${env()}.x`,
      'pnothing',
      '?0011',
      '\u0000 e.e.e',
    ]) {
      expect(decodeHints(payload)).toEqual(empty);
    }
  });
});

describe('the hub of one server', () => {
  const tell = (hub: ReturnType<typeof createHub>, hints: Parameters<typeof encodeHints>[0]) => {
    for (const payload of encodeHints(hints)) hub.tell(payload);
  };

  it('tells each reader what concerns it, and nobody else', async () => {
    const hub = createHub();
    const [mine, theirs] = [env(), env()];
    const all = hub.live.environments({});
    const ofAnn = hub.live.environments({ ownerId: ann });
    const one = hub.live.environment(mine);
    const other = hub.live.environment(theirs);
    tell(hub, { environments: [{ id: mine, ownerId: ann }], removed: [{ id: theirs, ownerId: bob }] });
    const changed = { kind: 'changed', id: mine };
    expect(await drain(all)).toEqual([changed, { kind: 'removed', id: theirs }]);
    expect(await drain(ofAnn)).toEqual([changed]);
    expect(await drain(one)).toEqual([{ kind: 'changed' }]);
    expect(await drain(other)).toEqual([{ kind: 'changed' }]);
  });

  it('tells platforms, logs and workers apart', async () => {
    const hub = createHub();
    const [platform, id] = [newId('platform'), env()];
    const readers = [hub.live.placements(platform), hub.live.log(id), hub.live.worker(id)] as const;
    tell(hub, { logs: [id] });
    expect(await Promise.all(readers.map(drain))).toEqual([[], [{ kind: 'changed' }], []]);
    const again = [hub.live.placements(platform), hub.live.log(id), hub.live.worker(id)] as const;
    tell(hub, { placements: [platform], workers: [id] });
    expect(await Promise.all(again.map(drain))).toEqual([[{ kind: 'changed' }], [], [{ kind: 'changed' }]]);
  });

  it('tells of a platform whoever looks at it or at all of them', async () => {
    const hub = createHub();
    const [one, other] = [newId('platform'), newId('platform')];
    const readers = [
      hub.live.platforms({}),
      hub.live.platforms({ id: one }),
      hub.live.platforms({ id: other }),
    ] as const;
    tell(hub, { platforms: [one] });
    expect(await Promise.all(readers.map(drain))).toEqual([[{ kind: 'changed' }], [{ kind: 'changed' }], []]);
  });

  it('tells everybody to read again after a gap', async () => {
    const hub = createHub();
    const readers = [
      hub.live.environments({}),
      hub.live.environments({ ownerId: bob }),
      hub.live.environment(env()),
      hub.live.placements(newId('platform')),
      hub.live.log(env()),
      hub.live.worker(env()),
    ];
    hub.resyncAll();
    for (const reader of readers) expect(await drain<unknown>(reader)).toEqual([{ kind: 'resync' }]);
  });

  it('subscribes before the first read, so that nothing falls in between', async () => {
    const hub = createHub();
    const id = env();
    const reader = hub.live.environment(id);
    tell(hub, { environments: [{ id, ownerId: ann }] });
    expect(await drain(reader)).toEqual([{ kind: 'changed' }]);
  });

  it('forgets readers that ended', async () => {
    const hub = createHub();
    const id = env();
    const readers = [hub.live.environment(id), hub.live.environments({ ownerId: ann })];
    expect(hub.live.watched()).toEqual({ environmentIds: [id], ownerIds: [ann] });
    for (const reader of readers) await reader.return?.();
    expect(hub.live.watched()).toEqual({ environmentIds: [], ownerIds: [] as UserId[] });
  });

  it('spares readers of all environments a flood of fresh numbers', async () => {
    const hub = createHub();
    const hints = Array.from({ length: 200 }, () => ({ id: env(), ownerId: ann }));
    const [all, ofAnn] = [hub.live.environments({}), hub.live.environments({ ownerId: ann })];
    hub.live.touch(hints);
    hub.live.touch(hints.slice(0, 1));
    expect(await drain(all)).toEqual([{ kind: 'changed', id: hints[0]?.id }]);
    const again = hub.live.environments({ ownerId: ann });
    hub.live.touch(hints);
    expect(await drain(again)).toHaveLength(200);
    await ofAnn.return?.();
  });
});
