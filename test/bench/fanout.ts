/**
 * Fan-out of subscriptions: how many deliveries one CPU-second of the server gives, to 1,000 sockets of which each gets every
 * event. Peers: graphql-yoga with graphql-ws as documented, and a bare broadcast with `ws` that parses and checks nothing.
 */
import { type Bench, type BenchContext, comparison, cpuSeconds, interleave, startNode } from './harness.ts';

type Kind = 'ours' | 'yoga' | 'ws';
interface Load {
  sockets: number;
  events: number;
  documents: number;
  scopes: number;
  everyMs: number;
}

const file = (name: string) => new URL(`./fanout/${name}.ts`, import.meta.url);
const deliveryLimitMs = 240_000;

export const bench: Bench = {
  title: 'subscriptions to 1,000 sockets: deliveries per CPU-second',
  async run(ctx) {
    const sockets = ctx.quick ? 100 : 1000;
    const events = ctx.quick ? 20 : 100;
    // Apart by more than a flush: each event is a write of its own on every socket, as with the peers.
    const calm = { sockets, events, documents: 1, scopes: 1, everyMs: 40 };
    if (ctx.wants('same view')) {
      const samples = await measure(ctx, calm, ['ours', 'ws', 'yoga']);
      const same = { ours: samples.ours, unit: 'deliveries/CPU-s' };
      ctx.report(
        comparison({ ...same, row: 'same view, bare ws', peer: samples.ws, peerName: 'ws', goal: { atLeast: 0.85 } }),
      );
      ctx.report(
        comparison({
          ...same,
          row: 'same view, stock',
          peer: samples.yoga,
          peerName: 'yoga+graphql-ws',
          goal: { atLeast: 6 },
        }),
      );
    }
    if (ctx.wants('mixed')) {
      const { ours, ws } = await measure(ctx, { ...calm, documents: 10, scopes: 5 }, ['ours', 'ws']);
      ctx.report(
        comparison({
          row: '10 documents × 5 scopes, bare ws',
          ours,
          peer: ws,
          peerName: 'ws',
          unit: 'deliveries/CPU-s',
          goal: { atLeast: 0.6 },
        }),
      );
    }
    if (ctx.wants('burst')) {
      const { ours, ws } = await measure(ctx, { ...calm, everyMs: 2 }, ['ours', 'ws']);
      ctx.report(
        comparison({
          row: 'same view, an event every 2 ms, bare ws',
          ours,
          peer: ws,
          peerName: 'ws',
          unit: 'deliveries/CPU-s',
          goal: { atLeast: 0.85 },
        }),
      );
    }
  },
};

async function measure<K extends Kind>(
  ctx: BenchContext,
  load: Load,
  kinds: readonly K[],
): Promise<Record<K, number[]>> {
  const sides = Object.fromEntries(kinds.map((kind) => [kind, () => deliveriesPerCpuSecond(kind, load)]));
  return interleave(ctx.rounds, sides as Record<K, () => Promise<number>>);
}

async function deliveriesPerCpuSecond(kind: Kind, load: Load): Promise<number> {
  const server = await startNode<{ port: number }>(file('server'), { args: [kind] });
  const args = [server.ready.port, load.sockets, load.documents, load.scopes].map(String);
  const readers = await startNode(file('readers'), { args });
  try {
    const received = () =>
      new Promise<number>((resolve) => {
        readers.child.once('message', (message: { received: number }) => resolve(message.received));
        readers.child.send({ type: 'count' });
      });
    const startedAt = cpuSeconds(server.pid);
    server.child.send({ type: 'publish', count: load.events, everyMs: load.everyMs });
    const wanted = load.sockets * load.events;
    const untilMs = performance.now() + deliveryLimitMs;
    let got = 0;
    while (got < wanted && performance.now() < untilMs) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      got = await received();
    }
    if (got !== wanted) throw new Error(`${kind}: expected ${wanted} deliveries, got ${got}`);
    return wanted / (cpuSeconds(server.pid) - startedAt);
  } finally {
    await readers.stop();
    await server.stop();
  }
}
