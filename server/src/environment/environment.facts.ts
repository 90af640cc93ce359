/** The facts of facts.ts, as they change the rows. */
import type { Clock } from '@easel/kit/clock';
import { AppError } from '@easel/schema/errors';
import { failure } from '@easel/schema/failure';
import type { EnvironmentId } from '@easel/schema/ids';
import { type EnvironmentPhase, PHASES_WITH_WORKER } from '@easel/schema/states/environment';
import type { AuthorizedKey } from '@easel/schema/wire/manifest';
import { type Db, inTransaction, reading, type Tx } from '../db.ts';
import type { PlatformService } from '../platform/platform.service.ts';
import { hashSecret } from '../secrets.ts';
import { isSameText, type ServerKey } from '../server-key.ts';
import type { SharedWithService } from '../share/shared-with.service.ts';
import { snapshotFacts } from '../snapshot/snapshot.facts.ts';
import type { SshAuthorities } from '../ssh-ca/ssh-authorities.ts';
import type { TicketService } from '../ticket/ticket.service.ts';
import { revokedCredentials } from '../user/revoked-credentials.ts';
import type { SshKeyService } from '../user/ssh-key.service.ts';
import type { UserService } from '../user/user.service.ts';
import { environmentStore } from './environment.store.ts';
import type { EnvironmentRow } from './environment-row.ts';
import type { Entry, EnvironmentFacts, Hello, RelayAccess, WorkerAccess, WorkerRef, WorkerWish } from './facts.ts';
import { buildManifest, hostKeyPurpose } from './manifest.ts';
import { silence } from './silence.ts';
import { adjust, type Transition, transition } from './transition.ts';
import { type WorkerRow, workerStore } from './worker.store.ts';
import { applyWorkerEvent } from './worker-events.ts';

export interface Limits {
  stopSeconds: number;
  graceSeconds: number;
  goneGraceSeconds: number;
}

export interface FactsParts {
  db: Db;
  key: ServerKey;
  tickets: TicketService;
  platforms: PlatformService;
  users: UserService;
  sshKeys: SshKeyService;
  shared: SharedWithService;
  sshAuthorities: SshAuthorities;
  clock: Clock;
  limits: Limits;
  defaultImage: string | null;
}

export function createFacts(parts: FactsParts): EnvironmentFacts {
  const { db, clock, limits } = parts;
  const nowDate = () => new Date(clock.now());

  async function relayAccess(worker: WorkerRef): Promise<RelayAccess | null> {
    const row = await reading(() => environmentStore.find(db, worker.environmentId));
    const platform = row && (await parts.platforms.find(row.platformId));
    const url = platform?.workerRelayUrl ?? platform?.relayUrl;
    if (!url) return null;
    const ticket = await parts.tickets.forWorker(worker);
    return { url, token: ticket.token, expiresAt: ticket.expiresAt.toISOString() };
  }

  async function entry(environmentId: EnvironmentId): Promise<Entry> {
    const row = await reading(() => environmentStore.find(db, environmentId));
    if (!row) return { authorizedKeys: [], revokedCredentials: [], certificateAuthorities: [] };
    const [authorizedKeys, entered, certificateAuthorities] = await Promise.all([
      keysOf(row),
      parts.shared.entries(environmentId),
      parts.sshAuthorities.published(),
    ]);
    const revoked = await reading(() => revokedCredentials(db, [row.ownerId, ...entered.userIds]));
    return { authorizedKeys, revokedCredentials: [...entered.ended, ...revoked], certificateAuthorities };
  }

  async function keysOf(row: EnvironmentRow): Promise<AuthorizedKey[]> {
    return parts.sshKeys.authorizedKeysOf(row.ownerId, await parts.shared.sshGuests(row.id));
  }

  return {
    relayAccess,
    entry,

    async workerAccess(hello) {
      const { row, worker } = await inTransaction(db, (tx) => register(tx, hello, { ...parts, now: nowDate() }));
      const owner = await parts.users.get(row.ownerId);
      const platform = await parts.platforms.find(row.platformId);
      const manifest = buildManifest({
        row,
        workerId: worker.id,
        owner,
        // A pod has its share as a whole; on a machine that is shared, the containers have it.
        hasOwnShare: platform?.kind !== 'local',
        sshHostKey: parts.key.open(row.sshHostKey, hostKeyPurpose(row.id)),
        authorizedKeys: await keysOf(row),
        certificateAuthorities: await parts.sshAuthorities.published(),
        defaultImage: parts.defaultImage,
      });
      const ref = { environmentId: row.id, workerId: worker.id, generation: worker.generation };
      return {
        ...ref,
        ownerId: row.ownerId,
        ackedReport: worker.ackedReport,
        ackedLog: worker.ackedLog,
        manifest,
        relay: await relayAccess(ref),
        ticketKeys: (await parts.tickets.keySet()) as WorkerAccess['ticketKeys'],
      };
    },

    async workerWish(worker) {
      const row = await reading(() => environmentStore.find(db, worker.environmentId));
      return row ? wishOf(row, worker, clock.now()) : { kind: 'leave' };
    },

    freezeWishes: (worker) => reading(() => snapshotFacts.freezeWishes(db, worker)),

    applyWorkerEvent: (tx, worker, event, at) => applyWorkerEvent(event, { tx, worker, at, now: nowDate() }),

    async workerSilent(tx, { environmentId, generation }) {
      const reason = 'The worker has not been heard of for a while; it may be restarting or cut off.';
      const deadline = { reason, limitSeconds: limits.graceSeconds };
      return silence(tx, { environmentId, generation, now: nowDate(), ...deadline });
    },

    async workerHeard(tx, { environmentId, generation }) {
      const now = nowDate();
      const heard = await transition(tx, { environmentId, event: 'workerHeard', actor: 'worker', now, generation });
      if (heard) return true;
      const adjusted = await adjust(tx, environmentId, (row) => {
        if (row.generation !== generation || row.connectivity !== 'lost') return null;
        // A stop keeps its own deadline; elsewhere the deadline was the grace period.
        return { connectivity: 'online', reason: null, ...(row.phase === 'stopping' ? {} : { deadlineAt: null }) };
      });
      return adjusted !== null;
    },

    overdue: (limit) => reading(() => environmentStore.overdue(db, nowDate(), limit)),

    async deadlinePassed(environmentId) {
      return inTransaction(db, async (tx) => {
        const row = await environmentStore.find(tx, environmentId);
        const now = nowDate();
        if (!row?.deadlineAt || row.deadlineAt > now) return false;
        const by = { environmentId, actor: 'server', now, generation: row.generation };
        const overdue = OVERDUE[row.phase];
        return overdue !== undefined && (await transition(tx, { ...by, ...overdue(row) })) !== null;
      });
    },
  };
}

/** What the end of its waiting means in each phase that waits for a time. */
const OVERDUE: Partial<Record<EnvironmentPhase, (row: EnvironmentRow) => Pick<Transition, 'event' | 'facts'>>> = {
  provisioning: () => ({
    event: 'platformFailed',
    facts: {
      failure: failure({
        class: 'platform',
        message: 'The worker was started but never called the server: it may not be able to reach it.',
      }),
    },
  }),
  starting: (row) => ({ event: 'graceExpired', facts: { failure: lostFailure(row) } }),
  interrupted: (row) => ({ event: 'graceExpired', facts: { failure: lostFailure(row) } }),
  stopping: () => ({
    event: 'stopForced',
    facts: {
      reason: 'The stop took too long and was forced: the stop script or a container may not have ended cleanly.',
    },
  }),
};

function lostFailure(row: EnvironmentRow) {
  return failure({ class: 'worker_lost', message: row.reason ?? 'The worker was lost and did not come back.' });
}

/** What the row says to a worker of this generation. */
function wishOf(row: EnvironmentRow, worker: WorkerRef, nowMs: number): WorkerWish {
  if (row.generation !== worker.generation || !PHASES_WITH_WORKER.has(row.phase)) return { kind: 'leave' };
  if (row.phase !== 'stopping') return { kind: 'run' };
  const leftMs = (row.deadlineAt?.getTime() ?? nowMs) - nowMs;
  return { kind: 'stop', reason: row.reason ?? 'stop', deadlineSeconds: Math.max(1, Math.ceil(leftMs / 1000)) };
}

async function register(
  tx: Tx,
  hello: Hello,
  by: FactsParts & { now: Date },
): Promise<{ row: EnvironmentRow; worker: WorkerRow }> {
  const { environmentId, workerId, generation } = hello;
  const refuse = (code: 'FORBIDDEN' | 'GENERATION_STALE' | 'WRONG_STATE', message: string) =>
    new AppError({ code, message, details: { environmentId, generation } });
  if (!by.key.isWorkerToken(hello.token, hello)) throw refuse('FORBIDDEN', 'the token is not the one of this worker');
  const [row, worker] = [await environmentStore.find(tx, environmentId), await workerStore.find(tx, workerId)];
  if (!row || worker?.environmentId !== environmentId || worker.generation !== generation) {
    throw refuse('FORBIDDEN', 'the token is not the one of this worker');
  }
  if (row.generation !== generation) {
    throw refuse('GENERATION_STALE', `expected the worker of generation ${row.generation}, got ${generation}`);
  }
  const secretHash = hashSecret(hello.secret);
  const isBound = await workerStore.bind(tx, workerId, {
    secretHash,
    agentVersion: hello.agentVersion,
    registeredAt: by.now,
  });
  if (!isBound && !isSameText((await workerStore.find(tx, workerId))?.secretHash ?? '', secretHash)) {
    throw refuse('FORBIDDEN', 'the one-time token was used before, by another worker');
  }
  await takeTask(tx, hello, by.now);
  const current = await environmentStore.find(tx, environmentId);
  if (!current || current.generation !== generation || !mayWork(current, isBound)) {
    throw refuse('WRONG_STATE', `the environment is ${current?.phase ?? 'gone'} and has no work for this worker`);
  }
  return { row: current, worker };
}

/** A worker that comes for the first time while a stop is under way has nothing to end, so it is not let in. */
function mayWork(row: EnvironmentRow, isFirstHello: boolean): boolean {
  return PHASES_WITH_WORKER.has(row.phase) && !(row.phase === 'stopping' && isFirstHello);
}

/** The claim stores `provisioning` a moment after the placement is handed out; a quick worker must not find it missing. */
async function takeTask(tx: Tx, hello: Hello, now: Date): Promise<void> {
  const { environmentId, generation } = hello;
  await transition(tx, { environmentId, event: 'placementClaimed', actor: 'platform', now, generation });
  const started = await transition(tx, { environmentId, event: 'workerRegistered', actor: 'worker', now, generation });
  if (started) await workerStore.advance(tx, { environmentId, generation }, 'registered', now);
}
