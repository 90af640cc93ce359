/**
 * The only file that touches the table `presence`; it also reads, and never writes, `environments` and `workers`. Statements
 * are for many environments at once: one for each heartbeat would cost the database hundreds of times as much.
 */
import type { EnvironmentId, UserId } from '@easel/schema/ids';
import { heartbeatSchema } from '@easel/schema/wire/worker';
import type pg from 'pg';
import type { z } from 'zod';

/** What is kept of a heartbeat: all but its own clock. */
const storedBeatSchema = heartbeatSchema.omit({ type: true, at: true });
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
  /** Null until the first whole heartbeat of this generation. */
  beat: Beat | null;
}

export type Queryable = Pick<pg.Pool, 'query'>;

/**
 * Beats of another generation than the environment's are dropped. Rows are written in the order of their ids, so that two
 * replicas do not wait for each other crosswise. What git said is kept until a worker has looked again: a start must not
 * make unsaved work look saved. Gives those that were taken for lost: one statement for all of it.
 */
const WRITE = {
  name: 'presence_write',
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
        beat = CASE
          WHEN EXCLUDED.beat = '{}' AND p.generation = EXCLUDED.generation THEN p.beat
          WHEN COALESCE(EXCLUDED.beat->'git', 'null') = 'null' AND p.beat ? 'git'
            THEN EXCLUDED.beat || jsonb_build_object('git', p.beat->'git')
          ELSE EXCLUDED.beat END
    )
    SELECT environment_id, generation FROM beats WHERE connectivity = 'lost'`,
};

/** One that has registered and never sent a beat counts from its registration. */
const SILENT = {
  name: 'presence_silent',
  text: `
    SELECT e.id AS environment_id, e.generation
    FROM environments e
    JOIN workers w ON w.environment_id = e.id AND w.generation = e.generation
    LEFT JOIN presence p ON p.environment_id = e.id AND p.generation = e.generation
    WHERE e.connectivity = 'online'
      AND COALESCE(p.last_seen_at, w.registered_at, e.created_at) < now() - $1 * interval '1 millisecond'
    ORDER BY e.id
    LIMIT $2`,
};

const FRESH = {
  name: 'presence_fresh',
  text: `
    SELECT p.environment_id, e.owner_id
    FROM presence p JOIN environments e ON e.id = p.environment_id
    WHERE (e.id = ANY($1) OR e.owner_id = ANY($2)) AND p.last_seen_at > now() - $3 * interval '1 millisecond'`,
};

export const presenceStore = {
  async write(database: Queryable, beats: readonly BeatToWrite[]): Promise<WorkerOfEnvironment[]> {
    const { rows } = await database.query<{ environment_id: EnvironmentId; generation: number }>({
      ...WRITE,
      values: [
        beats.map((beat) => beat.environmentId),
        beats.map((beat) => beat.generation),
        beats.map((beat) => Math.round(beat.ageMs)),
        beats.map((beat) => beat.beat),
      ],
    });
    return rows.map(toWorker);
  },

  /** Environments whose worker was not heard of for so long and is not yet called lost. */
  async silent(database: Queryable, options: { forMs: number; limit: number }): Promise<WorkerOfEnvironment[]> {
    const { rows } = await database.query<{ environment_id: EnvironmentId; generation: number }>({
      ...SILENT,
      values: [options.forMs, options.limit],
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
          beat: storedBeatSchema.safeParse(row.beat).data ?? null,
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
 * start is an activity of its own. What counts as activity is the worker's to say: a connected laptop alone is none.
 */
const IDLE = `
  SELECT id AS "environmentId", generation, inactivity_minutes AS "idleMinutes" FROM (
    SELECT e.id, e.generation, (e.spec->>'inactivityMinutes')::int AS inactivity_minutes, e.started_at, p.last_seen_at,
      (p.beat#>>'{activity,lastActiveAt}')::timestamptz AS last_active_at
    FROM environments e JOIN presence p ON p.environment_id = e.id AND p.generation = e.generation
    WHERE e.phase = 'running' AND e.desired = 'running' AND e.connectivity = 'online' AND p.beat <> '{}'
  ) AS running
  WHERE inactivity_minutes > 0
    AND last_seen_at > now() - interval '1 minute'
    AND last_active_at < now() - inactivity_minutes * interval '1 minute'
    AND started_at < now() - inactivity_minutes * interval '1 minute'
  ORDER BY id
  LIMIT $1`;

function toWorker(row: { environment_id: EnvironmentId; generation: number }): WorkerOfEnvironment {
  return { environmentId: row.environment_id, generation: row.generation };
}
