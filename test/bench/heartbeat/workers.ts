/**
 * Workers that only beat, each every ten seconds, evenly spread, for ever. Arguments: port, workers. Told `silent`, the first
 * so many say nothing more.
 */
import { randomBytes } from 'node:crypto';
import { WebSocket } from 'ws';
import { beatText, environmentIdOf, workerIdOf } from './worker-data.ts';

const [port, workers] = process.argv.slice(2).map(Number) as [number, number];
const sockets: WebSocket[] = [];

function open(n: number): Promise<void> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/worker`, { perMessageDeflate: false });
  sockets[n] = socket;
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('open', () =>
      socket.send(
        JSON.stringify({
          type: 'worker.hello',
          protocol: { oldest: 1, newest: 1 },
          environmentId: environmentIdOf(n),
          workerId: workerIdOf(n),
          generation: 1,
          token: 'x',
          secret: randomBytes(32).toString('hex'),
          agentVersion: '0',
        }),
      ),
    );
    socket.once('message', () => resolve());
  });
}

const everyMs = 10;
/** Every worker beats once, at its own moment of the ten seconds; those that were told to be silent do not. */
async function beatAll(): Promise<void> {
  const ticks = 10_000 / everyMs;
  const startMs = performance.now();
  for (let tick = 0; tick < ticks; tick++) {
    const from = Math.floor((tick * workers) / ticks);
    const to = Math.floor(((tick + 1) * workers) / ticks);
    for (let n = Math.max(from, silent); n < to; n++) sockets[n]?.send(beatText(n));
    const dueMs = startMs + (tick + 1) * everyMs - performance.now();
    if (dueMs > 0) await new Promise((resolve) => setTimeout(resolve, dueMs));
  }
}

for (let n = 0; n < workers; n += 100)
  await Promise.all(Array.from({ length: Math.min(100, workers - n) }, (_, i) => open(n + i)));
let silent = 0;
process.on('message', ({ type, count }: { type: string; count?: number }) => {
  if (type === 'silent') silent = count ?? 0;
});
process.on('SIGTERM', () => process.exit(0));
process.on('disconnect', () => process.exit(0));
process.send?.({ type: 'ready' });
for (;;) await beatAll();
