/**
 * What it costs to carry bytes through the relay: CPU-seconds per GiB with one stream and with fifty, up (client to worker,
 * masked as the WebSocket protocol wants it) and down; memory of an idle pair; and whether a reader that stalls is felt by
 * others. Peers: a Node.js TCP pipe and haproxy, which carry the same bytes without frames.
 */
import type { Duplex } from 'node:stream';
import { has } from '../kit/components.ts';
import {
  type Bench,
  type BenchContext,
  comparison,
  cpuSeconds,
  measurement,
  median,
  memoryBytes,
  percentile,
} from './harness.ts';
import { type Ends, type Side, startHaproxySide, startPipeSide, startRelaySide } from './relay/sides.ts';

const gib = 1024 ** 3;
const blockBytes = 65_536;
const block = Buffer.alloc(blockBytes, 'easel');

type Direction = 'up' | 'down';
type SideName = 'relay' | 'pipe' | 'haproxy';

export const bench: Bench = {
  title: 'bytes through the relay: CPU per GiB, memory of an idle pair, stalled readers',
  async run(ctx) {
    const sides: Partial<Record<SideName, Side>> = { relay: await startRelaySide(), pipe: await startPipeSide() };
    if (has('haproxy')) sides.haproxy = await startHaproxySide();
    else ctx.note('haproxy is missing: its rows are left out');
    try {
      for (const streams of [1, 50]) {
        for (const direction of ['up', 'down'] as const) await carry(ctx, sides, streams, direction);
      }
      if (ctx.wants('idle')) await idle(ctx);
      if (ctx.wants('stalled')) await stalled(ctx, sides.relay!);
    } finally {
      for (const side of Object.values(sides)) await side.stop();
    }
  },
};

async function carry(ctx: BenchContext, sides: Partial<Record<SideName, Side>>, streams: number, direction: Direction) {
  const row = `${streams} stream${streams === 1 ? '' : 's'} ${direction}`;
  if (!ctx.wants(row)) return;
  const totalBytes = (ctx.quick ? 1 / 16 : 1) * gib;
  const measured = new Map<string, number[]>();
  const names = Object.keys(sides) as SideName[];
  const ends = new Map<SideName, Ends[]>();
  for (const name of names) ends.set(name, await openAll(sides[name]!, streams));
  for (let round = -1; round < ctx.rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const { pid } = sides[name]!;
      const before = cpuSeconds(pid);
      await Promise.all(ends.get(name)!.map((pair) => push(pair, direction, totalBytes / streams)));
      const seconds = ((cpuSeconds(pid) - before) / totalBytes) * gib;
      if (round >= 0) measured.set(name, [...(measured.get(name) ?? []), seconds]);
    }
  }
  for (const pairs of ends.values())
    for (const { client, worker } of pairs) for (const end of [client, worker]) end.destroy();
  const ours = measured.get('relay')!;
  const common = { ours, unit: 'CPU-s/GiB', goal: { atMost: 1.1 } };
  ctx.report(comparison({ ...common, row, peer: measured.get('pipe')!, peerName: 'net pipe' }));
  const haproxy = measured.get('haproxy');
  if (haproxy) ctx.note(`${row}: haproxy ${median(haproxy).toPrecision(3)} CPU-s/GiB`);
}

async function openAll(side: Side, count: number): Promise<Ends[]> {
  const pairs: Ends[] = [];
  for (let i = 0; i < count; i++) pairs.push(await side.open());
  return pairs;
}

/** Sends so many bytes one way; resolves when the other end has them all. */
async function push({ client, worker }: Ends, direction: Direction, bytes: number): Promise<void> {
  const [from, to] = direction === 'up' ? [client, worker] : [worker, client];
  const received = receive(to, bytes);
  for (let sent = 0; sent < bytes; sent += blockBytes) {
    if (!from.write(block)) await new Promise((resolve) => from.once('drain', resolve));
  }
  await received;
}

function receive(to: Duplex, bytes: number): Promise<void> {
  let left = Math.ceil(bytes / blockBytes) * blockBytes;
  return new Promise((resolve) => {
    const onData = (chunk: Buffer) => {
      left -= chunk.length;
      if (left > 0) return;
      to.off('data', onData);
      resolve();
    };
    to.on('data', onData);
  });
}

async function idle(ctx: BenchContext): Promise<void> {
  const count = ctx.quick ? 200 : 2_000;
  const perPair = async (start: () => Promise<Side>) => {
    const side = await start();
    // Code and buffers that come with the first streams are no part of a pair.
    const first = await openAll(side, 100);
    const before = memoryBytes(side.pid);
    const pairs = await openAll(side, count);
    const after = memoryBytes(side.pid);
    for (const { client, worker } of [...first, ...pairs]) for (const end of [client, worker]) end.destroy();
    await side.stop();
    return (after - before) / count / 1024;
  };
  const ours = await perPair(startRelaySide);
  const pipe = await perPair(startPipeSide);
  const row = { row: 'idle pair', ours, unit: 'KiB', goal: { atMost: 30 } };
  ctx.report(measurement({ ...row, peer: pipe, peerName: 'net pipe' }));
}

/** Small echoes on twenty streams, alone and beside a stream whose reader does not read. */
async function stalled(ctx: BenchContext, side: Side): Promise<void> {
  const pairs = await openAll(side, 20);
  for (const { worker } of pairs) worker.pipe(worker);
  const echoes = ctx.quick ? 100 : 1_000;
  const alone: number[] = [];
  const beside: number[] = [];
  for (let round = -1; round < ctx.rounds; round++) {
    const calm = await echoTimes(pairs, echoes);
    const stall = await side.open();
    stall.worker.on('error', () => undefined);
    while (stall.worker.write(block)) if (stall.worker.writableLength > 64 * blockBytes) break;
    for (let i = 0; i < 200; i++) stall.worker.write(block);
    const disturbed = await echoTimes(pairs, echoes);
    stall.client.destroy();
    stall.worker.destroy();
    if (round < 0) continue;
    alone.push(percentile(calm, 0.99));
    beside.push(percentile(disturbed, 0.99));
  }
  for (const { client, worker } of pairs) for (const end of [client, worker]) end.destroy();
  ctx.report(
    comparison({
      row: 'p99 of 20 echoes, beside a stalled reader',
      ours: beside,
      peer: alone,
      peerName: 'no stalled reader',
      unit: 'ms',
      goal: { atMost: 1.2 },
    }),
  );
}

async function echoTimes(pairs: readonly Ends[], count: number): Promise<number[]> {
  const times: number[] = [];
  const message = Buffer.alloc(100, 'echo');
  await Promise.all(
    pairs.map(async ({ client }) => {
      for (let i = 0; i < count; i++) {
        const startedMs = performance.now();
        const back = receiveExactly(client, message.length);
        client.write(message);
        await back;
        times.push(performance.now() - startedMs);
      }
    }),
  );
  return times;
}

function receiveExactly(from: Duplex, bytes: number): Promise<void> {
  let left = bytes;
  return new Promise((resolve) => {
    const onData = (chunk: Buffer) => {
      left -= chunk.length;
      if (left > 0) return;
      from.off('data', onData);
      resolve();
    };
    from.on('data', onData);
  });
}
