/**
 * What people ask of environments: create, start, stop, delete. Each verb is one transaction that stores the wish, what it
 * asks the platform for, and the notification; nobody waits here for it to come true.
 */

import type { Clock } from '@easel/kit/clock';
import { newSshKeyPair } from '@easel/kit/ssh/private-key';
import { AppError } from '@easel/schema/errors';
import { type EnvironmentId, isId, newId, type PlatformId, type SnapshotId, type UserId } from '@easel/schema/ids';
import { instanceTypeSpecSchema } from '@easel/schema/instance-type';
import { type EnvironmentPhase, PHASES_WITH_WORKER } from '@easel/schema/states/environment';
import type { TemplateSpec } from '@easel/schema/template';
import { z } from 'zod';
import { type Actor, asUser, notFound } from '../actor.ts';
import { type Db, inTransaction, type Reader, reading, type Tx, uniqueViolation } from '../db.ts';
import type { InstanceTypeService } from '../instance-type/instance-type.service.ts';
import { notifyInTransaction } from '../live/notify.ts';
import type { NamespaceService } from '../namespace/namespace.service.ts';
import { invalidInput, parseInput } from '../parse-input.ts';
import { placements } from '../placement/placement.service.ts';
import { type PlatformService, refuseDraining } from '../platform/platform.service.ts';
import type { PlatformRow } from '../platform/platform-row.ts';
import { may } from '../rights/may.ts';
import type { ServerKey } from '../server-key.ts';
import type { SharedWithService } from '../share/shared-with.service.ts';
import type { SnapshotService } from '../snapshot/snapshot.service.ts';
import type { TemplateService } from '../template/template.service.ts';
import type { UserService } from '../user/user.service.ts';
import { environmentStore, type NewsEvent } from './environment.store.ts';
import type { EnvironmentRow, NewEnvironment, SeenEnvironment, WantedOfPlatform } from './environment-row.ts';
import { hostKeyPurpose } from './manifest.ts';
import { diskBytesOf, larger, type Share } from './share.ts';
import {
  type CreateEnvironment,
  type CreateEnvironmentInput,
  chooseSpec,
  createEnvironmentSchema,
  randomName,
  type Templates,
} from './spec.ts';
import { adjust, enterQueue, transition } from './transition.ts';
import { gitOf, refuseLossOf } from './unsaved-work.ts';
import { workerStore } from './worker.store.ts';

export interface EnvironmentServiceParts {
  db: Db;
  key: ServerKey;
  namespaces: NamespaceService;
  templates: TemplateService;
  platforms: PlatformService;
  instanceTypes: InstanceTypeService;
  /** Made after this one. */
  snapshots: () => Pick<SnapshotService, 'toRestore' | 'hold'>;
  users: UserService;
  shared: SharedWithService;
  clock: Clock;
  limits: { stopSeconds: number; maxPerUser: number };
  /** The last heartbeat that was stored, if any. */
  lastBeat: (environmentId: EnvironmentId) => Promise<unknown>;
}

type EnvironmentVerb = 'read' | 'inspect' | 'start' | 'operate' | 'snapshot' | 'share';

type Restored = Awaited<ReturnType<SnapshotService['toRestore']>>;

const growDiskSchema = z.object({
  /** Id or name. */
  id: z.string().min(1).max(200),
  diskBytes: instanceTypeSpecSchema.shape.diskBytes.removeDefault(),
});

const PHASES_WITHOUT_VOLUME: ReadonlySet<EnvironmentPhase> = new Set(['archived', 'deleting', 'deleted']);

/** Random names that are tried before something else must be wrong. */
const NAME_ATTEMPTS = 5;

export class EnvironmentService {
  readonly #parts: EnvironmentServiceParts;
  readonly #db: Db;

  constructor(parts: EnvironmentServiceParts) {
    this.#parts = parts;
    this.#db = parts.db;
  }

  /**
   * By id; or by name, among the actor's own, else among what is shared with him if only one is called so. Null when unknown
   * or not to be seen by the actor.
   */
  async find(actor: Actor, idOrName: string): Promise<SeenEnvironment | null> {
    const { userId } = asUser(actor);
    const row = await this.#lookUp(userId, idOrName);
    if (!row) return null;
    const shares =
      row.ownerId === userId ? [] : ((await this.#parts.shared.accessOf(userId, [row.id])).get(row.id) ?? []);
    const seen = { ...row, shares };
    return may(actor, 'environment.read', seen) ? seen : null;
  }

  /** Throws NOT_FOUND for what is unknown and for what the actor must not do this with, alike. */
  async get(actor: Actor, idOrName: string, verb: EnvironmentVerb): Promise<SeenEnvironment> {
    const row = await this.find(actor, idOrName);
    if (!row || !may(actor, `environment.${verb}`, row)) throw notFound('environment');
    return row;
  }

  /** Gives the environment of the same request key when there is one, also when both were asked for at once. */
  async create(actor: Actor, input: CreateEnvironmentInput): Promise<EnvironmentRow> {
    const { userId } = asUser(actor);
    const { namespaces, templates } = this.#parts;
    await namespaces.whereMay(actor, 'environment.create');
    const wish = parseInput(createEnvironmentSchema, input);
    const known = await this.#madeBefore(userId, wish.requestKey);
    if (known) return known;
    const restored = wish.snapshot === null ? null : await this.#parts.snapshots().toRestore(actor, wish.snapshot);
    const usable: Templates = {
      find: (wanted) => templates.find(actor, wanted),
      list: (limit) => templates.list(actor, limit),
    };
    const { spec, templateId, namespaceId: given } = await chooseSpec(wish, usable, restored?.source);
    const namespaceId = await namespaces.choose(actor, 'environment.create', wish.namespace ?? given);
    if (given !== null && given !== namespaceId) {
      throw invalidInput([{ path: 'namespace', message: 'what it is made from is in another namespace' }]);
    }
    const platform = await this.#choosePlatform(wish, restored);
    const common = {
      namespaceId,
      ownerId: userId,
      templateId,
      platformId: platform.id,
      requestKey: wish.requestKey,
      spec,
      ...(await this.#chooseShare(wish, { spec, platform, restored })),
      restoredFromId: restored?.snapshot.id ?? null,
      branch: wish.branch ?? branchOf(wish, { spec, restored }),
      reason: this.#parts.platforms.isOnline(platform) ? null : offlineReason(platform.name),
    };
    for (let attempt = 1; ; attempt++) {
      const name = wish.name ?? randomName(spec);
      try {
        return await inTransaction(this.#db, (tx) => this.#insert(tx, { ...common, name }));
      } catch (err) {
        if (uniqueViolation(err) === null) throw err;
        const made = await this.#madeBefore(userId, wish.requestKey);
        if (made) return made;
        if (wish.name === null && attempt < NAME_ATTEMPTS) continue;
        throw nameTaken(name);
      }
    }
  }

  /** Starts what is stopped or failed. What runs, or is about to, is given as it is. */
  async start(actor: Actor, id: string): Promise<EnvironmentRow> {
    const { userId } = asUser(actor);
    const row = await this.get(actor, id, 'start');
    const platform = await this.#parts.platforms.find(row.platformId);
    if (platform && row.desired !== 'running') refuseDraining(platform);
    const reason = platform && !this.#parts.platforms.isOnline(platform) ? offlineReason(platform.name) : null;
    return inTransaction(this.#db, async (tx) => {
      const wish = { environmentId: row.id, actor: userId, now: this.#now(), facts: { reason } };
      const done = await transition(tx, { ...wish, event: 'startAsked' });
      if (done) return done.after;
      const current = await this.current(tx, row.id);
      if (current.desired === 'running') return current;
      throw wrongState(current, 'started', 'wait until it has stopped');
    });
  }

  /** Stops what runs or is about to. What is stopped, or stopping already, is given as it is. */
  async stop(actor: Actor, id: string): Promise<EnvironmentRow> {
    const { userId } = asUser(actor);
    const row = await this.get(actor, id, 'operate');
    return inTransaction(this.#db, async (tx) => {
      const done = await this.#endWorker(tx, row.id, { event: 'stopAsked', actor: userId, reason: 'asked by a user' });
      if (done) return done;
      const current = await this.current(tx, row.id);
      // Also one that is on its way to be deleted: it stops, as was asked.
      if (current.phase === 'stopping' || current.phase === 'stopped') return current;
      throw wrongState(current, 'stopped', 'it has no worker that could be stopped');
    });
  }

  /** Deletes the environment and its volume. Throws WRONG_STATE when work would be lost, unless `force`. */
  async delete(actor: Actor, id: string, options: { force: boolean }): Promise<EnvironmentRow> {
    const { userId } = asUser(actor);
    const row = await this.get(actor, id, 'operate');
    if (!options.force && row.desired !== 'deleted') refuseLossOf(gitOf(await this.#parts.lastBeat(row.id)));
    return inTransaction(this.#db, async (tx) => {
      const done = await this.#endWorker(tx, row.id, {
        event: 'deleteAsked',
        actor: userId,
        reason: 'deleted by a user',
      });
      return done ?? this.current(tx, row.id);
    });
  }

  /**
   * Deletes all environments of a platform that is lost, without its scheduler: what is left of them there is nobody's any
   * more. Each in a transaction of its own; what an earlier try did stays done.
   */
  async abandonOnPlatform(platformId: PlatformId, by: { actor: UserId; reason: string }): Promise<void> {
    for (const id of await reading(() => environmentStore.idsOnPlatform(this.#db, platformId))) {
      await inTransaction(this.#db, async (tx) => {
        const { actor, reason } = by;
        const facts = { reason, limitSeconds: this.#parts.limits.stopSeconds };
        const wish = { environmentId: id, actor, now: this.#now(), facts };
        await transition(tx, { ...wish, event: 'deleteAsked' });
        await transition(tx, { ...wish, event: 'stopForced' });
        await placements.abandon(tx, { id });
        await transition(tx, { ...wish, event: 'erased' });
      });
    }
  }

  /**
   * Lets the volume of a stopped or running environment grow; it never shrinks. Throws WRONG_STATE where the platform's
   * volumes cannot, with its reason.
   */
  async growDisk(actor: Actor, input: z.input<typeof growDiskSchema>): Promise<EnvironmentRow> {
    asUser(actor);
    const wish = parseInput(growDiskSchema, input);
    const row = await this.get(actor, wish.id, 'operate');
    const expansion = (await this.#parts.platforms.find(row.platformId))?.features?.expansion;
    if (!expansion?.isAvailable) {
      const why = expansion?.reason ?? 'the volumes of this computing platform have no size of their own';
      throw new AppError({ code: 'WRONG_STATE', message: `the disk cannot grow: ${why}` });
    }
    const diskBytes = BigInt(wish.diskBytes);
    return inTransaction(this.#db, async (tx) => {
      const grown = await adjust(tx, row.id, (current) => {
        if (PHASES_WITHOUT_VOLUME.has(current.phase)) throw wrongState(current, 'grown', 'it has no disk of its own');
        const known = current.diskBytes ?? 0n;
        if (diskBytes < known) {
          const message = `the disk has ${known} bytes and never shrinks: ask for more`;
          throw invalidInput([{ path: 'diskBytes', message }]);
        }
        return diskBytes === known ? null : { diskBytes, diskProblem: null };
      });
      if (grown) await notifyInTransaction(tx, { placements: [row.platformId] });
      return grown ?? this.current(tx, row.id);
    });
  }

  /** Environments of the owner that have a worker, to be told of new keys. */
  idsWithWorker(tx: Tx, ownerIds: readonly UserId[]): Promise<EnvironmentId[]> {
    return environmentStore.withWorkerOf(tx, ownerIds, [...PHASES_WITH_WORKER]);
  }

  /** Which of these there are, deleted ones too, with their phase: for a platform that looks for orphans. */
  phasesOf(platformId: PlatformId, ids: readonly string[]): Promise<{ id: EnvironmentId; phase: EnvironmentPhase }[]> {
    return reading(() => environmentStore.phasesOf(this.#db, platformId, ids));
  }

  wantedOf(ids: readonly string[]): Promise<Map<string, WantedOfPlatform>> {
    return reading(() => environmentStore.wantedOf(this.#db, ids));
  }

  /** Deleted ones too. */
  findEver(id: EnvironmentId): Promise<EnvironmentRow | null> {
    return reading(() => environmentStore.find(this.#db, id));
  }

  /** Names of those that are being made from this snapshot. */
  beingRestored(tx: Tx, snapshotId: SnapshotId): Promise<string[]> {
    return environmentStore.beingRestored(tx, snapshotId);
  }

  /** What has happened since the last call, each event once: the transaction that takes it passes it on. */
  async takeNews(tx: Tx, limit: number): Promise<NewsEvent[]> {
    const taken = await environmentStore.takeUntold(tx, limit);
    return taken.length === 0
      ? []
      : environmentStore.eventsOf(
          tx,
          taken.map(({ id }) => id),
        );
  }

  /** How many environments each of these platforms has. */
  countsOnPlatforms(ids: readonly string[], db: Reader = this.#db): Promise<Map<string, number>> {
    return reading(() => environmentStore.countsOnPlatforms(db, ids));
  }

  /** What is in a snapshot lies where it was taken. */
  async #choosePlatform(wish: CreateEnvironment, restored: Restored | null): Promise<PlatformRow> {
    const { platforms } = this.#parts;
    if (!restored) return platforms.choose(wish.platform);
    const platform = await platforms.choose(restored.snapshot.platformId);
    if (wish.platform === null || wish.platform === platform.id || wish.platform === platform.name) return platform;
    const message = `the snapshot lies on the platform "${platform.name}" and can be restored there alone`;
    throw invalidInput([{ path: 'platform', message }]);
  }

  /** On the server's own machine nothing is limited unless somebody has chosen an instance type. */
  async #chooseShare(
    wish: CreateEnvironment,
    of: { spec: TemplateSpec; platform: PlatformRow; restored: Restored | null },
  ): Promise<Share> {
    const { spec, platform, restored } = of;
    const least = restored?.snapshot.sizeBytes ?? null;
    if (wish.instanceType === null && restored && wish.template === null) {
      const { instanceTypeId, instanceType, diskBytes } = restored.source;
      const wanted = diskBytesOf(instanceType, least);
      return { instanceTypeId, instanceType, diskBytes: larger(wanted, diskBytes) };
    }
    if (wish.instanceType === null && platform.kind === 'local') {
      return { instanceTypeId: null, instanceType: null, diskBytes: null };
    }
    const type = await this.#parts.instanceTypes.choose(wish.instanceType, spec.instanceTypes ?? []);
    const instanceType = type?.spec ?? null;
    return { instanceTypeId: type?.id ?? null, instanceType, diskBytes: diskBytesOf(instanceType, least) };
  }

  /** A worker that the platform has seen die cannot be asked: its stop is over at once. */
  async #endWorker(
    tx: Tx,
    environmentId: EnvironmentId,
    wish: { event: 'stopAsked' | 'deleteAsked'; actor: string; reason: string },
  ): Promise<EnvironmentRow | null> {
    const { event, actor, reason } = wish;
    const now = this.#now();
    const facts = { reason, limitSeconds: this.#parts.limits.stopSeconds };
    const done = await transition(tx, { environmentId, event, actor, now, facts });
    if (done?.after.phase !== 'stopping') return done?.after ?? null;
    const worker = await workerStore.ofGeneration(tx, environmentId, done.after.generation);
    if (worker?.state !== 'lost') return done.after;
    const forced = await transition(tx, {
      environmentId,
      event: 'stopForced',
      actor: 'server',
      now,
      facts: { reason: 'The worker was gone before it could be stopped.' },
    });
    return forced?.after ?? done.after;
  }

  async #insert(tx: Tx, fields: Omit<NewEnvironment, 'id' | 'sshHostKey' | 'sshHostKeyFingerprint'>) {
    const { ownerId } = fields;
    const { maxPerUser } = this.#parts.limits;
    await this.#parts.users.lock(tx, ownerId);
    if ((await environmentStore.countOf(tx, ownerId)) >= maxPerUser) {
      throw new AppError({
        code: 'QUOTA_EXCEEDED',
        message: `you have ${maxPerUser} environments, which is the limit: delete one that you no longer need`,
        details: { limit: maxPerUser },
      });
    }
    await this.#parts.namespaces.hold(tx, fields.namespaceId);
    if (fields.restoredFromId) await this.#parts.snapshots().hold(tx, fields.restoredFromId);
    await this.#parts.platforms.hold(tx, fields.platformId);
    const now = this.#now();
    const id = newId('environment', now.getTime());
    const hostKey = newSshKeyPair();
    const row = await environmentStore.insert(tx, {
      ...fields,
      id,
      sshHostKey: this.#parts.key.seal(hostKey.privateKey, hostKeyPurpose(id)),
      sshHostKeyFingerprint: hostKey.fingerprint,
    });
    await enterQueue(tx, row, { actor: ownerId, now });
    return row;
  }

  async #lookUp(userId: UserId, idOrName: string): Promise<EnvironmentRow | null> {
    if (isId('environment', idOrName)) return reading(() => environmentStore.find(this.#db, idOrName));
    const own = await reading(() => environmentStore.findByName(this.#db, userId, idOrName));
    if (own) return own;
    const sharedId = await this.#parts.shared.idByName(userId, idOrName);
    return sharedId && reading(() => environmentStore.find(this.#db, sharedId));
  }

  async #madeBefore(ownerId: UserId, requestKey: string | null): Promise<EnvironmentRow | null> {
    if (requestKey === null) return null;
    return reading(() => environmentStore.findByRequestKey(this.#db, ownerId, requestKey));
  }

  /** As it is within the transaction. Throws NOT_FOUND. */
  async current(tx: Tx, id: EnvironmentId): Promise<EnvironmentRow> {
    const row = await environmentStore.find(tx, id);
    if (!row) throw notFound('environment');
    return row;
  }

  #now(): Date {
    return new Date(this.#parts.clock.now());
  }
}

function offlineReason(platform: string): string {
  return `The scheduler of the platform "${platform}" is not heard of; the start waits for it.`;
}

function nameTaken(name: string): AppError {
  return new AppError({
    code: 'NAME_TAKEN',
    message: `you have an environment "${name}" already: choose another name, or delete that one`,
    details: { name },
  });
}

function wrongState(row: EnvironmentRow, verb: string, advice: string): AppError {
  return new AppError({
    code: 'WRONG_STATE',
    message: `the environment is ${row.phase} and cannot be ${verb}: ${advice}`,
    details: { phase: row.phase, desired: row.desired },
  });
}

/** What is made from a snapshot stays on the branch that it was on. */
function branchOf(wish: CreateEnvironment, of: { spec: TemplateSpec; restored: Restored | null }): string | null {
  return of.restored && wish.template === null ? of.restored.source.branch : of.spec.repository.branch;
}
