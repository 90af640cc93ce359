/** A whole server in this process, for suites: real HTTP and sockets, real PostgreSQL, and somebody who plays the platform. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock } from '@easel/kit/clock';
import { Health } from '@easel/kit/health';
import { createLog, type Log } from '@easel/kit/log';
import { createMetrics } from '@easel/kit/metrics';
import type { Failure } from '@easel/schema/failure';
import { newId } from '@easel/schema/ids';
import type { Placement } from '@easel/schema/wire/placement';
import type { WorkerEvent } from '@easel/schema/wire/worker';
import { asPlatform, asUser, type PlatformActor, type UserActor } from '../actor.ts';
import { createApp } from '../app.ts';
import { bootstrap } from '../bootstrap.ts';
import { type Config, config as configSchema } from '../config.ts';
import { inTransaction, openDatabase } from '../db.ts';
import type { Hello } from '../environment/facts.ts';
import { createLive } from '../live/live.ts';
import { routeUpgrades } from '../live/upgrade.ts';
import { migrate } from '../migrations.ts';
import { createFileObjects } from '../objects/file-objects.ts';
import type { PlatformService } from '../platform/platform.service.ts';
import { newUserWith } from '../rights/rights.kit.ts';
import type { NamespaceRole, SystemRole } from '../rights/roles.ts';
import type { Opened } from '../second-factor/local-sign-in.ts';
import { newToken } from '../secrets.ts';
import type { NewSession } from '../user/session.service.ts';
import { createHttp } from './http.ts';
import { closeHttp, listenHttp } from './server.ts';

type PlatformHeartbeat = Parameters<PlatformService['heartbeat']>[1];
export type TestServer = Awaited<ReturnType<typeof openServer>>;

/** What GraphQL answered. */
export interface Answer {
  status: number;
  // Suites read what they have asked for by its path.
  // biome-ignore lint/suspicious/noExplicitAny: the shape is the document's.
  data: any;
  errors: { message: string; extensions?: { code?: string; requestId?: string }; path?: string[] }[];
}

/** The database is migrated and stays; `close` ends everything else. With `now`, time is what it says. */
export async function openServer(
  databaseUrl: string,
  overrides: Record<string, string> = {},
  time: Partial<Pick<Clock, 'now'>> = {},
) {
  await migrate(databaseUrl);
  const adminToken = newToken('user');
  const platformToken = newToken('platform');
  const folder = await mkdtemp(join(tmpdir(), 'easel-server-'));
  const config: Config = configSchema.parse({
    EASEL_DATABASE_URL: databaseUrl,
    EASEL_SECRET_KEY: 'ab'.repeat(32),
    EASEL_OBJECT_STORE: 'files',
    EASEL_OBJECT_STORE_DIR: folder,
    EASEL_ADMIN_TOKEN: adminToken,
    EASEL_LOCAL_PLATFORM_TOKEN: platformToken,
    EASEL_SAMPLE_REPOSITORY_URL: 'https://git.example.com/team/sample.git',
    ...overrides,
  });
  const lines: { level: string; message: string; [field: string]: unknown }[] = [];
  const log: Log = createLog('test', { destination: { write: (line) => void lines.push(JSON.parse(line)) } });
  const database = openDatabase({ url: databaseUrl, connections: 20, log });
  const { db } = database;
  const clock: Clock = { ...systemClock, ...time };
  const ending = new AbortController();
  const objects = createFileObjects({ folder });
  const app = createApp({ config, database, objects: objects, clock, log });
  await bootstrap(app, config);
  const live = await createLive({ databaseUrl, database: db, log, signal: ending.signal });
  const metrics = createMetrics('test');
  const health = new Health({ metrics });
  health.ready = true;
  const { server, sockets } = createHttp({
    app,
    clock,
    config,
    db,
    health,
    live,
    log,
    metrics,
    ui: (_request, response) => void response.end('ui'),
  });
  routeUpgrades(server, { '/graphql': sockets.upgrade });
  const { port } = await listenHttp(server, { host: '127.0.0.1', port: 0 });
  const url = `http://127.0.0.1:${port}`;

  async function ask(
    query: string,
    variables: Record<string, unknown> = {},
    headers: Record<string, string> = { authorization: `Bearer ${adminToken}` },
  ): Promise<Answer> {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ query, variables }),
    });
    const body = (await response.json()) as Partial<Answer>;
    return { status: response.status, data: body.data, errors: body.errors ?? [] };
  }

  /** A user who is no administrator, with a token. */
  /** A developer unless another role is given. */
  async function newUser(
    given: { role?: NamespaceRole | null; systemRole?: SystemRole } = {},
  ): Promise<UserActor & { token: string; headers: Record<string, string> }> {
    const { role = 'developer', systemRole = null } = given;
    const actor = await newUserWith(db, await app.services.namespaces.defaultId(), { role, systemRole });
    const { token } = await app.services.apiTokens.create(actor, { name: 'test' });
    return { ...actor, token, headers: { authorization: `Bearer ${token}` } };
  }

  const platform: PlatformActor = asPlatform(await app.authentication.ofToken(platformToken));
  const { scheduler, platforms } = app.services;
  await platforms.heartbeat(platform, {
    kind: 'local',
    relayUrl: 'ws://127.0.0.1:7081',
    sshHost: '127.0.0.1',
    sshPort: 7022,
  });

  const administrator = asUser(await app.authentication.ofToken(adminToken));

  /** A cluster's platform that has just been heard of, with a scheduler that says what it is told to. */
  async function newCluster(fields: Partial<PlatformHeartbeat> = {}) {
    const made = await app.services.platformAdmin.create(administrator, { name: `c-${newId('platform').slice(-10)}` });
    const actor = asPlatform(await app.authentication.ofToken(made.token));
    const available = { isAvailable: true, reason: null };
    const said: PlatformHeartbeat = {
      kind: 'kubernetes',
      features: { snapshots: available, expansion: available },
      ...fields,
    };
    await platforms.heartbeat(actor, said);
    return {
      ...made.platform,
      token: made.token,
      actor,
      beat: (more: Partial<PlatformHeartbeat> = {}) => platforms.heartbeat(actor, { ...said, ...more }),
      claim: () => scheduler.claim(actor, { limit: 100, leaseSeconds: 60, claimedBy: 'test' }),
      list: () => scheduler.list(actor),
      observe: (...observations: unknown[]) => scheduler.report(actor, observations),
    };
  }

  return {
    url,
    adminToken,
    administrator,
    newCluster,
    platformToken,
    platform,
    app,
    config,
    database,
    db,
    objects,
    live,
    lines,
    log,
    clock,
    ask,
    newUser,
    claim: (limit = 100) => scheduler.claim(platform, { limit, leaseSeconds: 60, claimedBy: 'test' }),
    observe: (...observations: unknown[]) => scheduler.report(platform, observations),
    /** Says hello as the worker of a claimed placement. */
    hello: (placement: Placement, fields: Partial<Hello> = {}) => app.facts.workerAccess(helloOf(placement, fields)),
    report: (placement: Placement, event: WorkerEvent) =>
      inTransaction(db, (tx) => app.facts.applyWorkerEvent(tx, refOf(placement), event, new Date())),
    async close() {
      ending.abort();
      await sockets.close();
      await closeHttp(server, 0);
      await live.closed;
      await database.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The session that a sign-in has opened. Throws when there is a step to come. */
export function sessionOf(opened: Opened): NewSession {
  if ('session' in opened) return opened.session;
  throw new Error(`the sign-in waits for its next step, ${opened.step}`);
}

export function refOf(placement: Placement) {
  const { environmentId, workerId, generation } = placement;
  if (workerId === null) throw new Error('the placement has no worker');
  return { environmentId, workerId, generation };
}

export function helloOf(placement: Placement, fields: Partial<Hello> = {}): Hello {
  return {
    type: 'worker.hello',
    protocol: { oldest: 1, newest: 1 },
    ...refOf(placement),
    token: placement.workerToken ?? '',
    secret: 'cd'.repeat(32),
    agentVersion: '0.1.0',
    ...fields,
  };
}

export const READY: WorkerEvent = {
  type: 'worker.ready',
  runtime: 'process',
  user: 'dev',
  home: '/home/dev',
  project: '/home/dev/sample',
  shell: '/bin/bash',
};

export const SCRIPT_FAILED: Failure = {
  class: 'script',
  message: 'the init script ended with exit code 3',
  advice: 'look at the log',
  step: 'hooks',
  exitCode: 3,
};

/** The database of this suite (test/kit/own-database.setup.ts). */
export function suiteDatabase(): string {
  const url = process.env.EASEL_TEST_DATABASE_URL;
  if (!url) throw new Error('this suite runs in the project "db": npx vitest run --project db');
  return url;
}
