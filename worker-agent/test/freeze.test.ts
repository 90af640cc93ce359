/** Freezing a real file system. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '@easel/kit/clock';
import { silentLog } from '@easel/kit/log';
import { newId } from '@easel/schema/ids';
import type { WorkerEvent } from '@easel/schema/wire/worker';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Freezer, thawLeft } from '../src/freeze/freezer.ts';
import { type Disk, makeDisk, whyNoDisk } from './disk.ts';

const missing = whyNoDisk();
if (missing !== null && process.env.EASEL_TEST_REQUIRE === 'all') throw new Error(missing);
const snapshotId = newId('snapshot');

describe.skipIf(missing !== null)('a volume that is a disk of its own', () => {
  let disk: Disk;
  let events: WorkerEvent[];
  beforeEach(() => {
    disk = makeDisk('16M');
    events = [];
  });
  afterEach(() => disk.remove());

  const freezerOf = (volumeDir: string) =>
    new Freezer({
      volumeDir,
      report: (event) => events.push(event),
      isBusy: () => false,
      clock: systemClock,
      log: silentLog,
    });
  const heard = (count: number) => vi.waitFor(() => expect(events).toHaveLength(count), 5_000);

  /** Starts a write, in a process that may be made to wait. */
  function write(name: string) {
    const child = spawn('touch', [join(disk.dir, name)]);
    return once(child, 'exit');
  }
  const waits = async (writing: Promise<unknown>) =>
    (await Promise.race([writing, new Promise((resolve) => setTimeout(resolve, 500, 'waits'))])) === 'waits';

  test('takes no write until it is thawed', async () => {
    const freezer = freezerOf(disk.dir);
    freezer.freeze({ type: 'worker.freeze', snapshotId, limitSeconds: 30 });
    await heard(1);
    const writing = write('during');
    expect(await waits(writing)).toBe(true);
    freezer.thaw({ type: 'worker.thaw', snapshotId });
    await heard(2);
    await writing;
    expect(existsSync(join(disk.dir, 'during'))).toBe(true);
    expect(events).toEqual([
      { type: 'volume.frozen', snapshotId },
      { type: 'volume.thawed', snapshotId, problem: null },
    ]);
  });

  test('thaws when its time is up', async () => {
    freezerOf(disk.dir).freeze({ type: 'worker.freeze', snapshotId, limitSeconds: 1 });
    await heard(1);
    await write('during');
    await heard(2);
    expect(events[1]).toMatchObject({ problem: expect.stringContaining('1 seconds') });
  });

  test('thaws when the worker is killed', async () => {
    const guard = join(import.meta.dirname, '../src/freeze/guard.ts');
    const program = `const { freezeFileSystem } = await import(${JSON.stringify(guard)});
      process.stdout.write(String((await freezeFileSystem(${JSON.stringify(disk.dir)}, 60)) !== null));
      setInterval(() => undefined, 1000);`;
    const worker = spawn(process.execPath, ['--input-type=module', '--eval', program]);
    const [said] = (await once(worker.stdout, 'data')) as [Buffer];
    expect(said.toString()).toBe('true');
    const writing = write('during');
    expect(await waits(writing)).toBe(true);
    worker.kill('SIGKILL');
    await writing;
  });

  test('what a killed worker has left frozen the next one thaws', async () => {
    await once(spawn('fsfreeze', ['--freeze', disk.dir]), 'exit');
    await thawLeft(disk.dir);
    await write('after');
  });

  test('a folder of a disk is synced, and never frozen', async () => {
    await once(spawn('mkdir', [join(disk.dir, 'folder')]), 'exit');
    const freezer = freezerOf(join(disk.dir, 'folder'));
    freezer.freeze({ type: 'worker.freeze', snapshotId, limitSeconds: 30 });
    await heard(1);
    await write('during');
    await freezer.end();
  });
});
