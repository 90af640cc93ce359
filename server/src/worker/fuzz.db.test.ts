import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { routeUpgrades } from '../live/upgrade.ts';
import { type House, openHouse } from './house.kit.ts';
import { dialWorker, READY, someBeat } from './test-worker.kit.ts';
import { createWorkerGateway } from './worker-gateway.ts';

let house: House;
let url: string;
let close: () => Promise<void>;
const bugs: unknown[] = [];

beforeAll(async () => {
  house = await openHouse(process.env.EASEL_TEST_DATABASE_URL ?? '');
  const log = { ...house.log, error: (...args: unknown[]) => void bugs.push(args), child: () => log };
  const gateway = createWorkerGateway({ ...house, log, heartbeatSeconds: 10, limits: { helloMs: 10_000 } });
  const server = createServer();
  routeUpgrades(server, { '/worker': gateway.upgrade });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/worker`;
  close = async () => {
    await gateway.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
});
afterAll(async () => {
  await close?.();
  await house?.close();
});

/** The same numbers at each run, so that what fails can be seen again. Source: mulberry32 by Tommy Ettinger. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const hostile: unknown[] = [
  null,
  true,
  -1,
  0,
  1.5,
  2 ** 53,
  1e308,
  '',
  'x'.repeat(20_000),
  '\u0000',
  '\ud800',
  '<script>alert(1)</script>',
  '../../etc/passwd',
  "'; DROP TABLE environments; --",
  '$(reboot)',
  [],
  {},
  [[[[[]]]]],
  { toString: 1, __proto__: null, constructor: { prototype: {} } },
];

/** The message with one or two of its parts replaced, removed, doubled or put somewhere else. */
function mutate(message: unknown, random: () => number): string {
  const copy = structuredClone(message);
  const places: { holder: Record<string, unknown>; name: string }[] = [];
  const walk = (value: unknown) => {
    if (value === null || typeof value !== 'object') return;
    for (const name of Object.keys(value)) {
      places.push({ holder: value as Record<string, unknown>, name });
      walk((value as Record<string, unknown>)[name]);
    }
  };
  walk(copy);
  for (let i = 0; i < 1 + Math.floor(random() * 2); i++) {
    const place = places[Math.floor(random() * places.length)];
    if (!place) continue;
    const kind = random();
    if (kind < 0.7) place.holder[place.name] = hostile[Math.floor(random() * hostile.length)];
    else if (kind < 0.85) delete place.holder[place.name];
    else place.holder[`${place.name}x`] = place.holder[place.name];
  }
  const text = JSON.stringify(copy);
  const cut = random();
  if (cut < 0.05) return text.slice(0, Math.floor(random() * text.length));
  if (cut < 0.08) return `${text}${text}`;
  return text;
}

it('nothing that a worker says harms the server or anybody else', async () => {
  const random = randomFrom(20_261_123);
  const witness = await house.placed(await house.newUser());
  const other = await dialWorker(url, witness);
  await other.message('worker.welcome');
  const at = new Date().toISOString();
  const examples = (n: number, hello: object): unknown[] => [
    hello,
    { type: 'worker.report', number: n, at, event: { type: 'step.started', step: 'image', text: 'x' } },
    { type: 'worker.report', number: n, at, event: { type: 'step.finished', step: 'image', durationMs: 1 } },
    {
      type: 'worker.report',
      number: n,
      at,
      event: { type: 'container.ended', name: 'db', exitCode: 1, text: 'gone' },
    },
    { type: 'worker.report', number: n, at, event: READY },
    someBeat(),
    { type: 'log.append', number: n, lines: [{ at, source: 'image', stream: 'stdout', text: 'x' }] },
  ];
  const place = await house.placed(await house.newUser());
  let secret: string | undefined;
  let sent = 0;
  let cutOff = 0;
  while (sent < 1500) {
    const worker = await dialWorker(url, place, secret === undefined ? {} : { secret });
    secret = worker.secret;
    const hasWelcome = await worker.message('worker.welcome').then(
      () => true,
      () => false,
    );
    if (!hasWelcome) break;
    let isOpen = true;
    void worker.closed.then(() => {
      isOpen = false;
      cutOff++;
    });
    for (let i = 0; i < 10 && isOpen; i++) {
      const all = examples(1 + Math.floor(random() * 3), { type: 'worker.hello', ...place, secret });
      worker.say(mutate(all[Math.floor(random() * all.length)], random));
      sent++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    worker.cut();
  }
  expect(sent).toBeGreaterThanOrEqual(1500);
  expect(cutOff).toBeGreaterThan(50);

  // Before it has proved itself a worker can say even less.
  for (let i = 0; i < 60; i++) {
    const stranger = await dialWorker(url, place, { hello: null });
    const all = examples(1, { type: 'worker.hello', ...place, secret: 'f'.repeat(64) });
    stranger.say(mutate(all[Math.floor(random() * all.length)], random));
    await stranger.closed;
  }

  other.report(1, READY);
  await other.message('report.ack');
  expect((await house.environment(witness.environmentId)).phase).toBe('running');
  expect(bugs).toEqual([]);
}, 60_000);

it('an oversized or binary message ends only its own connection', async () => {
  const place = await house.placed(await house.newUser());
  const worker = await dialWorker(url, place);
  await worker.message('worker.welcome');
  worker.say(JSON.stringify({ type: 'log.append', number: 1, lines: [], filler: 'x'.repeat(1_100_000) }));
  expect((await worker.closed).code).toBe(1009);
  const again = await dialWorker(url, place, { secret: worker.secret });
  await again.message('worker.welcome');
  again.socket.send(Buffer.from('{}'));
  expect((await again.closed).code).toBe(4400);
});
