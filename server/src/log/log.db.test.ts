import { setTimeout as sleep } from 'node:timers/promises';
import { silentLog } from '@easel/kit/log';
import { AppError } from '@easel/schema/errors';
import type { LogLine } from '@easel/schema/wire/worker';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ObjectStore } from '../objects/objects.ts';
import { type House, openHouse } from '../worker/house.kit.ts';
import { CHUNK_BYTES } from './chunk.ts';
import { compactLogs } from './compaction.ts';
import { createLogReader, parseCursor } from './log-reader.ts';
import { createLogWriter, type LoggingWorker } from './log-writer.ts';

let house: House;
beforeAll(async () => {
  house = await openHouse(process.env.EASEL_TEST_DATABASE_URL ?? '');
});
afterAll(() => house?.close());

const placed = async () => house.placed(await house.newUser());
const line = (text: string, source = 'sources'): LogLine => ({
  at: '2026-11-23T10:00:00.000Z',
  source,
  stream: 'stdout',
  text,
});

/** A worker's log, and what is acknowledged of it. */
function opened(
  worker: LoggingWorker,
  options: { ackedLog?: number; objects?: ObjectStore; maxBytesPerStart?: number } = {},
) {
  const { ackedLog = 0, objects = house.objects, ...rest } = options;
  const writer = createLogWriter({ database: house.pool, objects, log: silentLog, ...rest });
  const stored: number[] = [];
  const failed: unknown[] = [];
  const log = writer.open(
    { ...worker, ackedLog },
    { onStored: (number) => stored.push(number), onFailed: (err) => failed.push(err) },
  );
  return { log, stored, failed };
}

const reader = () => createLogReader({ database: house.pool, objects: house.objects });

async function readAll(worker: LoggingWorker, options: { maxLines?: number; source?: string } = {}) {
  const lines = [];
  let after = { generation: 1, line: -1 };
  for (;;) {
    const page = await reader().read(worker.environmentId, {
      after,
      maxLines: options.maxLines ?? 1000,
      source: options.source ?? null,
    });
    lines.push(...page.lines);
    after = parseCursor(page.cursor);
    if (!page.hasMore) return lines;
  }
}
const texts = (lines: { text: string }[]) => lines.map(({ text }) => text);

describe('the log', () => {
  it('is read as it was written, by pages of any size, and by source', async () => {
    const worker = await placed();
    const { log, stored } = opened(worker);
    const all = Array.from({ length: 300 }, (_, i) => `line ${i} \u001b[31mred\u001b[0m "quoted"`);
    for (let i = 0; i < 30; i++) {
      log.append(
        i + 1,
        all.slice(i * 10, i * 10 + 10).map((text, n) => line(text, n % 2 === 0 ? 'image' : 'hooks')),
      );
      if (i % 10 === 9) await log.flush();
    }
    expect(stored.at(-1)).toBe(30);
    expect(texts(await readAll(worker))).toEqual(all);
    expect(texts(await readAll(worker, { maxLines: 7 }))).toEqual(all);
    expect(texts(await readAll(worker, { maxLines: 1, source: 'hooks' }))).toEqual(all.filter((_, i) => i % 2 === 1));
    const [first, second] = await readAll(worker);
    expect(first?.cursor).toBe('1:0');
    const page = await reader().read(worker.environmentId, {
      after: parseCursor(first!.cursor),
      maxLines: 1,
      source: null,
    });
    expect(page).toEqual({ lines: [second], cursor: '1:1', hasMore: true });
  });

  it('shows the first line soon, and gathers what follows', async () => {
    const worker = await placed();
    const { log } = opened(worker);
    const hints = house.live.log(worker.environmentId);
    const startMs = performance.now();
    log.append(1, [line('hello')]);
    await hints.next();
    expect(performance.now() - startMs).toBeLessThan(700);
    expect(texts(await readAll(worker))).toEqual(['hello']);
    for (let i = 2; i < 22; i++) {
      log.append(i, [line(`line ${i}`)]);
      await sleep(20);
    }
    await log.flush();
    expect(await house.db.logChunk.count({ where: { environmentId: worker.environmentId } })).toBeLessThan(5);
    await hints.return?.();
  });

  it('goes on into the next start', async () => {
    const worker = await placed();
    const { log } = opened(worker);
    log.append(1, [line('first start')]);
    await log.flush();
    await house.pool.query(
      `INSERT INTO log_chunks (environment_id, generation, number, first_line, line_count, key, size_bytes)
       SELECT environment_id, 2, 1, 0, 1, key, size_bytes FROM log_chunks WHERE environment_id = $1`,
      [worker.environmentId],
    );
    expect((await readAll(worker)).map(({ cursor }) => cursor)).toEqual(['1:0', '2:0']);
  });

  it('says where it was cut off, and acknowledges what is not kept', async () => {
    const worker = await placed();
    const { log, stored } = opened(worker, { maxBytesPerStart: 20_000 });
    for (let i = 1; i <= 10; i++) {
      log.append(i, [line('x'.repeat(4000))]);
      await log.flush();
    }
    expect(stored.at(-1)).toBe(10);
    const lines = await readAll(worker);
    expect(lines.at(-1)?.text).toContain('which is the limit');
    expect(lines.filter(({ stream }) => stream === 'system')).toHaveLength(1);
    const again = opened(worker, { maxBytesPerStart: 20_000, ackedLog: 10 });
    again.log.append(11, [line('more')]);
    await again.log.flush();
    expect(again.stored).toEqual([11]);
    expect(await readAll(worker)).toHaveLength(lines.length);
  });

  it('is written by one connection of a worker at a time', async () => {
    const worker = await placed();
    const [old, current] = [opened(worker), opened(worker)];
    old.log.append(1, [line('one')]);
    current.log.append(1, [line('one')]);
    await Promise.all([old.log.flush(), current.log.flush()]);
    expect(texts(await readAll(worker))).toEqual(['one']);
    expect([old.stored.length, current.stored.length].toSorted()).toEqual([0, 1]);
    expect([...old.failed, ...current.failed]).toMatchObject([{ code: 'GENERATION_STALE' }]);
  });

  it('waits for an object store that is away, and loses nothing', async () => {
    const worker = await placed();
    let failures = 0;
    const flaky: ObjectStore = {
      ...house.objects,
      put: (key, body) => {
        if (failures++ < 3) throw new AppError({ code: 'OBJECT_STORE_UNAVAILABLE', message: 'away' });
        return house.objects.put(key, body);
      },
    };
    const { log, stored } = opened(worker, { objects: flaky });
    log.append(1, [line('kept')]);
    expect(log.pendingBytes).toBeGreaterThan(0);
    await log.flush();
    expect(stored).toEqual([1]);
    expect(log.pendingBytes).toBe(0);
    expect(texts(await readAll(worker))).toEqual(['kept']);
  });

  it('of many workers is stored by few statements', async () => {
    const workers = await Promise.all(Array.from({ length: 20 }, placed));
    let statements = 0;
    const database = {
      query: (...args: Parameters<House['pool']['query']>) => {
        statements++;
        return house.pool.query(...args);
      },
    } as unknown as typeof house.pool;
    const writer = createLogWriter({ database, objects: house.objects, log: silentLog });
    const logs = workers.map((worker) =>
      writer.open({ ...worker, ackedLog: 0 }, { onStored: () => undefined, onFailed: () => undefined }),
    );
    for (const log of logs) log.append(1, [line('x')]);
    await Promise.all(logs.map((log) => log.flush()));
    // One each to see what is there, and a few for all.
    expect(statements).toBeLessThan(30);
    for (const worker of workers) expect(await readAll(worker)).toHaveLength(1);
  });

  it('can be read around an object that is lost', async () => {
    const worker = await placed();
    const { log } = opened(worker);
    log.append(1, [line('a'), line('b')]);
    await log.flush();
    log.append(2, [line('c')]);
    await log.flush();
    const [chunk] = await house.db.logChunk.findMany({
      where: { environmentId: worker.environmentId },
      orderBy: { number: 'asc' },
    });
    await house.objects.remove([chunk!.key]);
    const lines = await readAll(worker);
    expect(texts(lines).at(-1)).toBe('c');
    expect(lines).toHaveLength(3);
  });
});

describe('compaction', () => {
  it('puts small chunks together while people read', async () => {
    const worker = await placed();
    const { log } = opened(worker);
    for (let i = 1; i <= 60; i++) {
      log.append(i, [line(`line ${i} ${'x'.repeat(i % 7 === 0 ? 10_000 : 10)}`)]);
      await log.flush();
    }
    const before = await readAll(worker);
    const shared = reader();
    const reading = (async () => {
      for (let i = 0; i < 20; i++) {
        const page = await shared.read(worker.environmentId, {
          after: { generation: 1, line: -1 },
          maxLines: 1000,
          source: null,
        });
        expect(page.lines).toEqual(before);
      }
    })();
    expect(await compactLogs({ database: house.pool, objects: house.objects })).toBeGreaterThan(40);
    await reading;
    expect(await readAll(worker)).toEqual(before);
    const rows = await house.db.logChunk.findMany({ where: { environmentId: worker.environmentId } });
    expect(rows.length).toBeLessThan(10);
    for (const { sizeBytes } of rows) expect(sizeBytes).toBeLessThanOrEqual(CHUNK_BYTES);
    expect(await house.objects.list(`logs/${worker.environmentId}/`)).toHaveLength(rows.length);
    // The writer goes on where it was.
    log.append(61, [line('after')]);
    await log.flush();
    expect(texts(await readAll(worker)).at(-1)).toBe('after');
  });
});

describe('cursors', () => {
  it.each(['', '1', '1:', ':1', '1:-2', 'x:1', '1:1:1', '-1:0', '99999999999:0', '1:1 '])('refuse %j', (text) => {
    expect(() => parseCursor(text)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
  });
});
