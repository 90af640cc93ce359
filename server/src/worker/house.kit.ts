/** A server's middle on a database of its own, for suites: real services, real PostgreSQL, objects in a temporary folder. */

import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@easel/kit/clock';
import { Secret } from '@easel/kit/config';
import { silentLog } from '@easel/kit/log';
import { createMetrics } from '@easel/kit/metrics';
import { type EnvironmentId, newId, type UserId } from '@easel/schema/ids';
import type { TemplateSpecInput } from '@easel/schema/template';
import type { UserActor } from '../actor.ts';
import { openDatabase } from '../db.ts';
import { createFacts } from '../environment/environment.facts.ts';
import { EnvironmentService } from '../environment/environment.service.ts';
import { InstanceTypeService } from '../instance-type/instance-type.service.ts';
import { createLive } from '../live/live.ts';
import { notifyInTransaction } from '../live/notify.ts';
import { createLogWriter } from '../log/log-writer.ts';
import { migrate } from '../migrations.ts';
import { NamespaceService } from '../namespace/namespace.service.ts';
import { createFileObjects } from '../objects/file-objects.ts';
import { PlatformService } from '../platform/platform.service.ts';
import { SchedulerService } from '../platform/scheduler.service.ts';
import { createHeard } from '../presence/heard.ts';
import { createPresence } from '../presence/presence.service.ts';
import { ADMINISTRATOR, newUserWith } from '../rights/rights.kit.ts';
import { ServerKey } from '../server-key.ts';
import { SharedWithService } from '../share/shared-with.service.ts';
import { SnapshotService } from '../snapshot/snapshot.service.ts';
import { SnapshotSchedulerService } from '../snapshot/snapshot-scheduler.service.ts';
import { SshAuthorities } from '../ssh-ca/ssh-authorities.ts';
import { TemplateService } from '../template/template.service.ts';
import { TicketService } from '../ticket/ticket.service.ts';
import { SignInAttempts } from '../user/sign-in-attempts.ts';
import { SshKeyService } from '../user/ssh-key.service.ts';
import { UserService } from '../user/user.service.ts';

export type House = Awaited<ReturnType<typeof openHouse>>;

/** Opens everything below the sockets. `close` ends it; the database stays. */
export async function openHouse(databaseUrl: string) {
  await migrate(databaseUrl);
  const { db, pool, close: closeDatabase } = openDatabase({ url: databaseUrl, connections: 10 });
  const clock = systemClock;
  const log = silentLog;
  const metrics = createMetrics('test');
  const ending = new AbortController();
  const folder = await mkdtemp(join(tmpdir(), 'easel-house-'));
  const objects = createFileObjects({ folder });
  const key = new ServerKey(new Secret('ab'.repeat(32)));
  const tickets = new TicketService({ db, key, clock });
  await tickets.rotate();
  const sshAuthorities = new SshAuthorities({ db, key, clock });
  await sshAuthorities.rotate();
  const platforms = new PlatformService({ db, clock });
  const namespaces = new NamespaceService({ db, clock, onDelete: async () => undefined });
  const users = new UserService({
    db,
    namespaces,
    clock,
    attempts: new SignInAttempts(clock),
    hasSecondFactor: async () => false,
    onCreated: async () => undefined,
    onPasswordChanged: async () => undefined,
  });
  const instanceTypes = new InstanceTypeService({ db, clock });
  const templates = new TemplateService({ db, clock, instanceTypes, namespaces });
  const groups = () => ({ idsOf: async () => [], membersOf: async () => [] });
  const shared = new SharedWithService({ db, clock, groups, isOn: true });
  const environments = new EnvironmentService({
    db,
    key,
    namespaces,
    templates,
    platforms,
    instanceTypes,
    snapshots: () => snapshots,
    users,
    shared,
    clock,
    limits: { stopSeconds: 60, maxPerUser: 10_000 },
    lastBeat: async () => null,
  });
  const snapshots: SnapshotService = new SnapshotService({
    db,
    clock,
    environments,
    platforms,
    users,
    limits: { maxPerUser: 100 },
  });
  const sshKeys = new SshKeyService({
    db,
    clock,
    onChanged: async (tx, userId) => {
      await notifyInTransaction(tx, { workers: await environments.idsWithWorker(tx, [userId]) });
    },
  });
  const limits = { stopSeconds: 60, graceSeconds: 60, goneGraceSeconds: 5 };
  const facts = createFacts({
    db,
    key,
    tickets,
    platforms,
    users,
    sshKeys,
    shared,
    sshAuthorities,
    clock,
    limits,
    defaultImage: null,
  });
  const scheduler = new SchedulerService({
    db,
    key,
    environments,
    clock,
    limits: { goneGraceSeconds: limits.goneGraceSeconds, registerSeconds: 60, stopSeconds: limits.stopSeconds },
  });
  const live = await createLive({ databaseUrl, database: db, log, signal: ending.signal });
  const heard = createHeard({ heartbeatMs: 10_000, lostMs: 30_000 });
  const presence = createPresence({
    db,
    database: pool,
    facts,
    heard,
    live,
    log,
    metrics,
    onUncertain: () => undefined,
  });
  const presenceRuns = presence.run(ending.signal);
  const logs = createLogWriter({ database: pool, objects, log });

  const platformId = newId('platform');
  await db.platform.create({
    data: {
      id: platformId,
      name: `local-${platformId.slice(-6)}`,
      kind: 'local',
      tokenHash: randomBytes(32).toString('hex'),
      relayUrl: 'ws://127.0.0.1:7081',
      lastSeenAt: new Date(),
    },
  });
  const platformActor = { kind: 'platform', platformId, name: 'local', credentialId: platformId } as const;

  const newUser = async (): Promise<UserActor> =>
    newUserWith(db, await namespaces.defaultId(), { role: 'developer', systemRole: null });

  // One after the other: a claim takes all that wait.
  let lastPlaced: Promise<unknown> = Promise.resolve();

  /** An environment whose placement has been claimed, and what its worker would be started with. */
  function placed(owner: UserActor, template: Partial<TemplateSpecInput> = {}) {
    const next = lastPlaced.then(() => place(owner, template));
    lastPlaced = next.catch(() => undefined);
    return next;
  }

  async function place(owner: UserActor, template: Partial<TemplateSpecInput>) {
    const made = await templates.create(
      { ...owner, rights: ADMINISTRATOR },
      {
        name: `t${newId('template').slice(-10)}`,
        repository: { url: 'https://git.example.com/a.git' },
        ...template,
      },
    );
    const row = await environments.create(owner, { template: made.id });
    const [placement] = (
      await scheduler.claim(platformActor, { limit: 100, leaseSeconds: 60, claimedBy: 'test' })
    ).filter(({ environmentId }) => environmentId === row.id);
    if (!placement?.workerId || !placement.workerToken) throw new Error('the placement was not handed out');
    return {
      environmentId: row.id,
      workerId: placement.workerId,
      generation: placement.generation,
      token: placement.workerToken,
      ownerId: owner.userId as UserId,
    };
  }

  return {
    databaseUrl,
    db,
    pool,
    clock,
    log,
    metrics,
    objects,
    key,
    facts,
    live,
    presence,
    logs,
    environments,
    scheduler,
    snapshots,
    snapshotScheduler: new SnapshotSchedulerService({ db, clock, onEnded: async () => undefined }),
    sshKeys,
    platformActor,
    newUser,
    placed,
    environment: (id: EnvironmentId) => db.environment.findUniqueOrThrow({ where: { id } }),
    async close() {
      ending.abort();
      await presenceRuns;
      await live.closed;
      await closeDatabase();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
