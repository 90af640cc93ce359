/**
 * The server's intake of heartbeats, as it is in life (worker gateway, presence, silence) on a real PostgreSQL; what is said
 * of environments is only counted. Argument: the database's URL.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { silentLog } from '@easel/kit/log';
import { createMetrics } from '@easel/kit/metrics';
import type { EnvironmentId } from '@easel/schema/ids';
import { openDatabase, type Queryable } from '../../../server/src/db.ts';
import type { EnvironmentFacts, WorkerAccess } from '../../../server/src/environment/facts.ts';
import { createHub } from '../../../server/src/live/live.ts';
import { routeUpgrades } from '../../../server/src/live/upgrade.ts';
import { createHeard } from '../../../server/src/presence/heard.ts';
import { createPresence } from '../../../server/src/presence/presence.service.ts';
import { createSteady, watchSilence } from '../../../server/src/presence/silence.ts';
import { createWorkerGateway } from '../../../server/src/worker/worker-gateway.ts';

const lostMs = 30_000;
const { db, pool } = openDatabase({ url: process.argv[2] ?? '', connections: 4 });
const { live } = createHub();
const metrics = createMetrics('bench');
const ending = new AbortController();
const lastBeatMs = new Map<EnvironmentId, number>();
const silentAfterMs: number[] = [];
let statements = 0;

const database = {
  query: (...args: Parameters<typeof pool.query>) => {
    statements++;
    return pool.query(...args);
  },
} as unknown as Queryable;
const facts = {
  workerAccess: async (hello): Promise<WorkerAccess> => ({
    environmentId: hello.environmentId,
    workerId: hello.workerId,
    generation: hello.generation,
    ownerId: 'usr00000000000000000000000000' as never,
    ackedReport: 0,
    ackedLog: 0,
    manifest: { authorizedKeys: [] } as never,
    relay: { url: 'ws://127.0.0.1:1', token: 'x', expiresAt: new Date(Date.now() + 3_600_000).toISOString() },
    ticketKeys: { keys: [] },
  }),
  workerWish: async () => ({ kind: 'run' }),
  entry: async () => ({ authorizedKeys: [], revokedCredentials: [], certificateAuthorities: [] }),
  relayAccess: async () => null,
  workerHeard: async () => true,
  workerSilent: async (tx, { environmentId }) => {
    silentAfterMs.push(performance.now() - (lastBeatMs.get(environmentId) ?? 0));
    await tx.environment.update({ where: { id: environmentId }, data: { connectivity: 'lost' } });
    return true;
  },
  applyWorkerEvent: async () => true,
  freezeWishes: async () => [],
  overdue: async () => [],
  deadlinePassed: async () => false,
} satisfies EnvironmentFacts;
const steady = createSteady();
const heard = createHeard({ heartbeatMs: 10_000, lostMs });
const presence = createPresence({
  db,
  database,
  heard,
  facts,
  live,
  log: silentLog,
  metrics,
  onUncertain: steady.reset,
});
const gateway = createWorkerGateway({
  db,
  facts,
  live,
  presence: {
    connected: presence.connected,
    beat(worker, heartbeat) {
      lastBeatMs.set(worker.environmentId, performance.now());
      presence.beat(worker, heartbeat);
    },
  },
  logs: {
    open: () => ({ pendingBytes: 0, append: () => undefined, flush: async () => undefined, close: () => undefined }),
  },
  log: silentLog,
  metrics,
  heartbeatSeconds: 10,
  maxSockets: 50_000,
});
void presence.run(ending.signal);
void watchSilence({ db, database, facts, heard, steady, lostMs, log: silentLog }, ending.signal);

process.on('message', ({ type }: { type: string }) => {
  if (type === 'state') process.send?.({ type: 'state', statements, silentAfterMs });
});
process.on('SIGTERM', () => process.exit(0));
process.on('disconnect', () => process.exit(0));
const server = createServer();
routeUpgrades(server, { '/worker': gateway.upgrade });
server.listen(0, '127.0.0.1', 4096, () =>
  process.send?.({ type: 'ready', port: (server.address() as AddressInfo).port }),
);
