/** The peer: each heartbeat is an UPDATE of its row and a SELECT of its environment. Arguments: the database's URL, workers. */
import pg from 'pg';
import { beat, environmentIdOf } from './worker-data.ts';

const [url, workers] = [process.argv[2], Number(process.argv[3])];
const pool = new pg.Pool({ connectionString: url, max: 10 });
const update = {
  name: 'update',
  text: 'UPDATE presence_each SET last_seen_at = now(), beat = $2 WHERE environment_id = $1',
};
const select = { name: 'select', text: 'SELECT generation, phase, connectivity FROM environments WHERE id = $1' };

async function beatAll(): Promise<void> {
  const ticks = 1000;
  const startMs = performance.now();
  const pending: Promise<unknown>[] = [];
  for (let tick = 0; tick < ticks; tick++) {
    const to = Math.floor(((tick + 1) * workers) / ticks);
    for (let n = Math.floor((tick * workers) / ticks); n < to; n++) {
      const id = environmentIdOf(n);
      pending.push(
        pool
          .query({ ...update, values: [id, JSON.stringify(beat(n))] })
          .then(() => pool.query({ ...select, values: [id] })),
      );
    }
    const dueMs = startMs + (tick + 1) * 10 - performance.now();
    if (dueMs > 0) await new Promise((resolve) => setTimeout(resolve, dueMs));
  }
  await Promise.all(pending);
}

process.on('message', async ({ type }: { type: string }) => {
  if (type !== 'beat') return;
  await beatAll();
  process.send?.({ type: 'beaten' });
});
process.on('SIGTERM', () => process.exit(0));
process.on('disconnect', () => process.exit(0));
process.send?.({ type: 'ready' });
