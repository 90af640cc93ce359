/**
 * The only file that touches the table `presence`; it also reads, and never writes, `environments` and `workers`. Statements
 * are for many environments at once: one for each heartbeat would cost the database hundreds of times as much.
 */
import type { EnvironmentId, UserId } from '@easel/schema/ids';
import { heartbeatSchema } from '@easel/schema/wire/worker';
import type { z } from 'zod';
import type { Queryable } from '../db.ts';

/**
 * What is kept of a heartbeat: all but its own clock. A part of it may be missing: of a start that has not beaten yet only
 * what git said before is known.
 */
const storedBeatSchema = heartbeatSchema.omit({ type: true, at: true }).partial();
export type Beat = z.infer<typeof storedBeatSchema>;

/** A beat to be stored. `beat` is JSON text, or null for a sign of life that says nothing else. */
export interface BeatToWrite {
  environmentId: EnvironmentId;
  generation: number;
  /** How long ago it came: moments are the database's, whatever this machine's clock says. */
  ageMs: number;
  beat: string | null;
}

export interface WorkerOfEnvironment {
  environmentId: EnvironmentId;
  generation: number;
}

/** What was last heard of an environment's worker. */
export interface PresenceRow {
  environmentId: EnvironmentId;
  generation: number;
  lastSeenAt: Date;
  beat: Beat;
}

/** What is stored of a worker's numbers may be this much older than what it said. */
export const NUMBERS_MAX_AGE_MS = 60_000;

/**
 * For workers that have just come, or were not heard of for a while: makes the row where there is none, drops what is of
 * another generation than the environment's, and gives those that were taken for lost. Rows are written in the order of
 * their ids, so that two replicas do not wait for each other crosswise.
 */
const INTRODUCE = {
  name: 'presence_introduce',
  text: `
    WITH beats AS MATERIALIZED (
      SELECT b.environment_id, b.generation, now() - b.age_ms * interval '1 millisecond' AS last_seen_at, b.beat, e.connectivity
      FROM unnest($1::text[], $2::int[], $3::int[], $4::text[]) AS b(environment_id, generation, age_ms, beat)
      JOIN environments e ON e.id = b.environment_id AND e.generation = b.generation
      ORDER BY b.environment_id
    ), written AS (
      INSERT INTO presence AS p (environment_id, generation, last_seen_at, beat)
      SELECT environment_id, generation, last_seen_at, COALESCE(beat, '{}')::jsonb FROM beats
      ON CONFLICT (environment_id) DO UPDATE SET
        generation = EXCLUDED.generation,
        last_seen_at = CASE WHEN p.generation = EXCLUDED.generation
          THEN GREATEST(p.last_seen_at, EXCLUDED.last_seen_at) ELSE EXCLUDED.last_seen_at END,
        beat = CASE WHEN p.generation = EXCLUDED.generation THEN p.beat
          ELSE jsonb_strip_nulls(jsonb_build_object('git', p.beat->'git')) END || EXCLUDED.beat
    )
    SELECT environment_id, generation FROM beats WHERE connectivity = 'lost'`,
};

/** For all others, who have a row already: looks at nothing else and touches no index. */
const REFRESH = {
  name: 'presence_refresh',
  text: `
    UPDATE presence AS p
    SET last_seen_at = now() - b.age_ms * interval '1 millisecond', beat = CASE WHEN b.beat IS NULL THEN p.beat ELSE p.beat || b.beat::jsonb END
    FROM (
      SELECT * FROM unnest($1::text[], $2::int[], $3::int[], $4::text[]) AS b(environment_id, generation, age_ms, beat)
      ORDER BY environment_id
    ) AS b
    WHERE p.environment_id = b.environment_id AND p.generation = b.generation`,
};

/** One that has registered and never sent a beat counts from its registration. */
const silentWhere = (condition: string) => `
    SELECT e.id AS environment_id, e.generation
    FROM environments e
    JOIN workers w ON w.environment_id = e.id AND w.generation = e.generation
    LEFT JOIN presence p ON p.environment_id = e.id AND p.generation = e.generation
    WHERE ${condition} e.connectivity = 'online'
      AND COALESCE(p.last_seen_at, w.registered_at, e.created_at) < now() - $1 * interval '1 millisecond'
    ORDER BY e.id
    LIMIT $2`;

const SILENT = { name: 'presence_silent', text: silentWhere('') };
const SILENT_OF = { name: 'presence_silent_of', text: silentWhere('e.id = ANY($3) AND') };

const FRESH = {
  name: 'presence_fresh',
  text: `
    SELECT p.environment_id, e.owner_id
    FROM presence p JOIN environments e ON e.id = p.environment_id
    WHERE (e.id = ANY($1) OR e.owner_id = ANY($2)) AND p.last_seen_at > now() - $3 * interval '1 millisecond'`,
};

export const presenceStore = {
  /** Gives those of them that were taken for lost. */
  async introduce(database: Queryable, beats: readonly BeatToWrite[]): Promise<WorkerOfEnvironment[]> {
    const { rows } = await database.query<{ environment_id: EnvironmentId; generation: number }>({
      ...INTRODUCE,
      values: columnsOf(beats),
    });
    return rows.map(toWorker);
  },

  async refresh(database: Queryable, beats: readonly BeatToWrite[]): Promise<void> {
    await database.query({ ...REFRESH, values: columnsOf(beats) });
  },

  /** Environments, of these or of all, whose worker was not heard of for so long and is not yet called lost. */
  async silent(
    database: Queryable,
    options: { forMs: number; limit: number; ids?: readonly EnvironmentId[] },
  ): Promise<WorkerOfEnvironment[]> {
    const { forMs, limit, ids } = options;
    const { rows } = await database.query<{ environment_id: EnvironmentId; generation: number }>(
      ids ? { ...SILENT_OF, values: [forMs, limit, ids] } : { ...SILENT, values: [forMs, limit] },
    );
    return rows.map(toWorker);
  },

  /** Environments whose worker is called lost. */
  async lost(database: Queryable, limit: number): Promise<WorkerOfEnvironment[]> {
    const { rows } = await database.query<{ environment_id: EnvironmentId; generation: number }>({
      name: 'presence_lost',
      text: "SELECT id AS environment_id, generation FROM environments WHERE connectivity = 'lost' LIMIT $1",
      values: [limit],
    });
    return rows.map(toWorker);
  },

  /** Those of the watched environments that were heard of within `withinMs`. */
  async fresh(
    database: Queryable,
    watched: { environmentIds: readonly EnvironmentId[]; ownerIds: readonly UserId[]; withinMs: number },
  ): Promise<{ id: EnvironmentId; ownerId: UserId }[]> {
    const { rows } = await database.query<{ environment_id: EnvironmentId; owner_id: UserId }>({
      ...FRESH,
      values: [watched.environmentIds, watched.ownerIds, watched.withinMs],
    });
    return rows.map((row) => ({ id: row.environment_id, ownerId: row.owner_id }));
  },

  /** By environment; one that was never heard of is not in it. */
  async find(database: Queryable, ids: readonly EnvironmentId[]): Promise<Map<EnvironmentId, PresenceRow>> {
    const { rows } = await database.query<{
      environment_id: EnvironmentId;
      generation: number;
      last_seen_at: Date;
      beat: unknown;
    }>({
      name: 'presence_find',
      text: 'SELECT environment_id, generation, last_seen_at, beat FROM presence WHERE environment_id = ANY($1)',
      values: [ids],
    });
    return new Map(
      rows.map((row) => [
        row.environment_id,
        {
          environmentId: row.environment_id,
          generation: row.generation,
          lastSeenAt: row.last_seen_at,
          // Written by another version of the server it may have another shape: then it says nothing.
          beat: storedBeatSchema.safeParse(row.beat).data ?? {},
        },
      ]),
    );
  },

  /** Environments in which nothing has happened for as long as their template allows. */
  async idle(database: Queryable, limit: number): Promise<(WorkerOfEnvironment & { idleMinutes: number })[]> {
    const { rows } = await database.query({ name: 'presence_idle', text: IDLE, values: [limit] });
    return rows;
  },
};

/**
 * Idle is only who is heard of now, since silence says nothing of people; and who runs for as long as the limit, since a
 * start is an activity of its own. What counts as activity is the worker's to say: a connected laptop alone is none. What
 * is stored may be older than what was heard, so it counts a bit later: an environment is never stopped too early.
 */
const idleQuery = (agedMs: number) => `
  SELECT id AS "environmentId", generation, inactivity_minutes AS "idleMinutes" FROM (
    SELECT e.id, e.generation, (e.spec->>'inactivityMinutes')::int AS inactivity_minutes, e.started_at, p.last_seen_at,
      (p.beat#>>'{activity,lastActiveAt}')::timestamptz AS last_active_at
    FROM environments e JOIN presence p ON p.environment_id = e.id AND p.generation = e.generation
    WHERE e.phase = 'running' AND e.desired = 'running' AND e.connectivity = 'online' AND p.beat <> '{}'
  ) AS running
  WHERE inactivity_minutes > 0
    AND last_seen_at > now() - interval '1 minute'
    AND last_active_at < now() - inactivity_minutes * interval '1 minute' - interval '${agedMs} milliseconds'
    AND started_at < now() - inactivity_minutes * interval '1 minute'
  ORDER BY id
  LIMIT $1`;
const IDLE = idleQuery(NUMBERS_MAX_AGE_MS + 10_000);

function columnsOf(beats: readonly BeatToWrite[]): unknown[][] {
  return [
    beats.map((beat) => beat.environmentId),
    beats.map((beat) => beat.generation),
    beats.map((beat) => Math.round(beat.ageMs)),
    beats.map((beat) => beat.beat),
  ];
}

function toWorker(row: { environment_id: EnvironmentId; generation: number }): WorkerOfEnvironment {
  return { environmentId: row.environment_id, generation: row.generation };
}
