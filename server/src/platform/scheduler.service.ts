/**
 * What a platform's scheduler may ask and say: take placements with a lease, keep the lease, say what it sees. Its
 * observations become facts of the environment here. A scheduler that dies loses its leases and another one, or itself
 * after a restart, takes the same placements again; everything that it says twice changes nothing the second time.
 */
import type { Clock } from '@easel/kit/clock';
import type { PlacementId } from '@easel/schema/ids';
import {
  type KnownEnvironment,
  type Observation,
  observationSchema,
  type Placement,
  type PlacementSpec,
} from '@easel/schema/wire/placement';
import { z } from 'zod';
import type { PlatformActor } from '../actor.ts';
import { type Db, inTransaction, reading, type Tx } from '../db.ts';
import type { EnvironmentService } from '../environment/environment.service.ts';
import type { WantedOfPlatform } from '../environment/environment-row.ts';
import { platformFacts } from '../environment/platform-facts.ts';
import { placementSpecOf } from '../environment/share.ts';
import { notifyInTransaction } from '../live/notify.ts';
import { parseInput } from '../parse-input.ts';
import { placements } from '../placement/placement.service.ts';
import type { PlacementRow } from '../placement/placement-row.ts';
import type { ServerKey } from '../server-key.ts';

const leaseSeconds = z.number().int().min(1).max(3600);
const claimedBy = z.string().min(1).max(200);
const claimSchema = z.object({ limit: z.number().int().min(1).max(500), leaseSeconds, claimedBy });
const renewSchema = z.object({ ids: z.array(z.string()).max(5000), leaseSeconds, claimedBy });
const idsSchema = z.array(z.string()).max(5000);
const observationsSchema = z.array(observationSchema).max(1000);

type Seen<T extends Observation['type']> = Extract<Observation, { type: T }>;
interface Looked {
  tx: Tx;
  placement: PlacementRow;
  now: Date;
  graceSeconds: number;
  registerSeconds: number;
  stopSeconds: number;
}
type Handlers = { [T in Observation['type']]: (seen: Seen<T>, looked: Looked) => Promise<void> };

export interface SchedulerLimits {
  /** How long an environment is waited for whose worker the platform has seen end. */
  goneGraceSeconds: number;
  /** How long a worker that exists may take to call. */
  registerSeconds: number;
  /** How long a worker may take to stop whose machine is taken away. */
  stopSeconds: number;
}

/** What each observation changes. One of a wish that has changed in the meantime changes nothing. */
const HANDLERS: Handlers = {
  async pending(seen, { tx, placement }) {
    if (placement.wish === 'run') await platformFacts.pending(tx, placement, seen.reason);
  },
  async volume({ capacityBytes, problem }, { tx, placement }) {
    await platformFacts.volume(tx, placement, { capacityBytes, problem });
  },
  async evicted({ reason }, { tx, placement, now, stopSeconds }) {
    if (placement.wish === 'run') await platformFacts.evicted(tx, placement, { reason, stopSeconds, now });
  },
  async placed(_seen, { tx, placement, now, registerSeconds }) {
    if (!(await placements.placed(tx, placement))) return;
    await platformFacts.claimed(tx, placement, now);
    await platformFacts.placed(tx, placement, { now, registerSeconds });
  },
  async gone(seen, { tx, placement, now, graceSeconds }) {
    await platformFacts.gone(tx, placement, { reason: seen.reason, graceSeconds, now });
  },
  async failed(seen, { tx, placement, now }) {
    if (placement.wish !== 'run') return;
    await platformFacts.claimed(tx, placement, now);
    await platformFacts.failed(tx, placement, seen.failure, now);
  },
  async ended(seen, { tx, placement, now, graceSeconds }) {
    const { wish } = placement;
    if (wish === 'run') {
      return platformFacts.gone(tx, placement, { reason: 'the platform ended it', graceSeconds, now });
    }
    if (seen.wish !== undefined && seen.wish !== wish) return;
    if (!(await placements.ended(tx, placement))) return;
    if (wish === 'erase') await platformFacts.erased(tx, placement, now);
    else await platformFacts.ended(tx, placement, now);
    // The next start of the environment may have waited for this.
    await notifyInTransaction(tx, { placements: [placement.platformId] });
  },
};

export class SchedulerService {
  readonly #db: Db;
  readonly #key: ServerKey;
  readonly #environments: EnvironmentService;
  readonly #clock: Clock;
  readonly #limits: SchedulerLimits;

  constructor(parts: {
    db: Db;
    key: ServerKey;
    environments: EnvironmentService;
    clock: Clock;
    limits: SchedulerLimits;
  }) {
    this.#db = parts.db;
    this.#key = parts.key;
    this.#environments = parts.environments;
    this.#clock = parts.clock;
    this.#limits = parts.limits;
  }

  /** All placements of the platform that have not ended. */
  async list(actor: PlatformActor): Promise<Placement[]> {
    return this.#present(await reading(() => placements.listOpen(this.#db, actor.platformId)));
  }

  /**
   * Gives the oldest due placements to the caller, at most `limit`. Lease: `leaseSeconds` from now on the database's
   * clock. The queue is left first and the environments follow, each in a transaction of its own: the two are never
   * locked in this order elsewhere. If this server dies in between, the first observation or the worker itself says it.
   */
  async claim(actor: PlatformActor, input: z.input<typeof claimSchema>): Promise<Placement[]> {
    const claim = parseInput(claimSchema, input);
    const rows = await reading(() => placements.claim(this.#db, actor.platformId, claim));
    const now = new Date(this.#clock.now());
    for (const row of rows) {
      if (row.wish === 'run') await inTransaction(this.#db, (tx) => platformFacts.claimed(tx, row, now));
    }
    return this.#present(rows);
  }

  /** Prolongs the leases and gives those that the caller still holds. */
  async renew(actor: PlatformActor, input: z.input<typeof renewSchema>): Promise<PlacementId[]> {
    const renewal = parseInput(renewSchema, input);
    return reading(() => placements.renew(this.#db, actor.platformId, renewal));
  }

  /** Each observation is a transaction of its own, in the order given: one that fails leaves those before it stored. */
  async report(actor: PlatformActor, input: unknown): Promise<void> {
    for (const observation of parseInput(observationsSchema, input)) {
      await inTransaction(this.#db, async (tx) => {
        const placement = await placements.findOpen(tx, actor.platformId, observation.placementId);
        if (!placement) return;
        const now = new Date(this.#clock.now());
        const handle = HANDLERS[observation.type] as (seen: Observation, looked: Looked) => Promise<void>;
        const { goneGraceSeconds: graceSeconds, ...limits } = this.#limits;
        await handle(observation, { tx, placement, now, graceSeconds, ...limits });
      });
    }
  }

  /** What is known of environments that the scheduler has found traces of; an unknown id is left out. */
  async environments(actor: PlatformActor, ids: readonly string[]): Promise<KnownEnvironment[]> {
    return this.#environments.phasesOf(actor.platformId, parseInput(idsSchema, ids));
  }

  async #present(rows: readonly PlacementRow[]): Promise<Placement[]> {
    const environments = await this.#environments.wantedOf(rows.map((row) => row.environmentId));
    return rows.map((row) => ({
      id: row.id,
      environmentId: row.environmentId,
      environmentName: environments.get(row.environmentId)?.name ?? '',
      workerId: row.workerId,
      generation: row.generation,
      wish: row.wish,
      state: row.state,
      workerToken: tokenFor(row, this.#key),
      leaseExpiresAt: row.leaseExpiresAt?.toISOString() ?? null,
      spec: specFor(row, environments.get(row.environmentId)),
    }));
  }
}

function specFor(row: PlacementRow, environment: WantedOfPlatform | undefined): PlacementSpec | null {
  return row.wish === 'run' && environment ? placementSpecOf(environment) : null;
}

/** Only who holds the claim of a `run` needs it, to start the worker with. */
function tokenFor(row: PlacementRow, key: ServerKey): string | null {
  const { environmentId, workerId, generation } = row;
  if (row.wish !== 'run' || row.state !== 'claimed' || workerId === null) return null;
  return key.workerToken({ environmentId, workerId, generation });
}
