/**
 * The audit log under what happens to servers and object stores: a real S3 that is away for more than half an hour, over the
 * end of an hour, while the process is killed again and again. Every act that was done is there once, and the chain holds.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Chained } from '@easel/schema/audit-chain';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../../../test/kit/describe-with.ts';
import { type PortForward, startPortForward } from '../../../test/kit/forward.ts';
import { startSwift, type TestS3 } from '../../../test/kit/swift.ts';
import { openDatabase } from '../db.ts';
import { suiteDatabase } from '../http/server.kit.ts';
import { migrate } from '../migrations.ts';
import { newBucket } from '../objects/s3.kit.ts';
import { createS3Objects, type S3ObjectsOptions } from '../objects/s3-objects.ts';
import { exportHours, keysOf, seal, textOf, verify } from './archive.ts';

/** How much faster the writers' clock goes: an hour passes in six seconds. */
const SPEED = 600;
const MINUTE_MS = 60_000 / SPEED;
const HOUR_MS = 60 * MINUTE_MS;
const LIVES = 8;

describeWith(['swift'], 'the audit log', () => {
  let s3: TestS3;
  let bucket: S3ObjectsOptions;
  /** The way to the store, which can be closed. */
  let way: PortForward;
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    await migrate(suiteDatabase());
    s3 = await startSwift();
    bucket = await newBucket(s3);
    way = await startPortForward('127.0.0.1');
    openWay();
  }, 90_000);
  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    await way?.stop();
    await s3?.stop();
  });

  function openWay(): void {
    way.leadTo({ host: '127.0.0.1', port: Number(new URL(s3.endpoint).port) });
  }

  /** Is killed a moment after so many acts. Gives the names of what it has done. */
  async function writer(name: string, acts: number, since: number): Promise<string[]> {
    const { region, accessKey, secretKey } = s3;
    const keys = { 'access-key': accessKey, 'secret-key': secretKey };
    const options = { region, ...keys, since, speed: SPEED, name };
    const parts = { ...options, database: suiteDatabase(), endpoint: `http://127.0.0.1:${way.port}` };
    const words = Object.entries(parts).map(([option, value]) => `--${option}=${value}`);
    const script = new URL('writer.kit.ts', import.meta.url).pathname;
    const child = spawn(process.execPath, [script, ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    const lines: string[] = [];
    const output = createInterface({ input: child.stdout });
    output.on('line', (line) => {
      if (lines.push(line) === acts) setTimeout(() => child.kill('SIGKILL'), Math.random() * 500);
    });
    await once(output, 'close');
    return lines;
  }

  it('is whole after kill -9 at any moment and 45 minutes without its object store', { timeout: 180_000 }, async () => {
    const since = Date.now();
    const outage = { fromMs: since + 1.5 * HOUR_MS, toMs: since + 1.5 * HOUR_MS + 45 * MINUTE_MS };
    setTimeout(() => way.leadTo(null), outage.fromMs - since);
    setTimeout(openWay, outage.toMs - since);
    const done: string[] = [];
    for (let life = 0; life < LIVES || Date.now() < outage.toMs; life++) {
      done.push(...(await writer(`life${life}`, 10 + Math.floor(Math.random() * 50), since)));
    }

    const database = openDatabase({ url: suiteDatabase(), connections: 2 });
    const objects = createS3Objects(bucket);
    try {
      const later = { now: () => since + (Date.now() - since) * SPEED + 2 * 3_600_000 } as never;
      const parts = { db: database.db, objects, clock: later };
      // What was begun by a life that was ended.
      await seal(parts);
      const anHourLater = { now: () => since + (Date.now() - since) * SPEED + 4 * 3_600_000 } as never;
      await exportHours({ ...parts, clock: anHourLater });
      const { entries, broken } = await verify(parts);
      expect(broken).toBeNull();
      const keys: string[] = [];
      for await (const key of keysOf(objects)) keys.push(key);
      expect(keys.length).toBeGreaterThan(1);
      const texts = await Promise.all(
        keys.map(async (key) =>
          textOf(await objects.get(key))
            .trimEnd()
            .split('\n'),
        ),
      );
      const stored = texts.flatMap(([, ...lines]) => lines.map((line) => JSON.parse(line) as Chained));
      expect(stored.length).toBe(entries);
      const names = new Set(stored.map(({ thingName }) => thingName));
      expect(names.size).toBe(stored.length);
      expect(done.filter((name) => !names.has(name))).toEqual([]);
      expect(done.length).toBeGreaterThan(LIVES);
    } finally {
      objects.close();
      await database.close();
    }
  });
});
