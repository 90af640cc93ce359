/** The only file that touches the table `log_chunks`, and, with it, `workers.acked_log`: they move together or not at all. */
import type { EnvironmentId, WorkerId } from '@easel/schema/ids';
import type { Queryable } from '../db.ts';
import { CHANNEL } from '../live/notify.ts';

/** Where a line stands: `line` counts from 0 within its generation. */
export interface Position {
  generation: number;
  line: number;
}

export interface ChunkRow {
  generation: number;
  number: number;
  firstLine: number;
  lineCount: number;
  key: string;
  sizeBytes: number;
}

/** Appends of one worker: its acknowledged number moves from `fromLog` to `toLog`; `chunk` is null for what is not kept. */
export interface Commit {
  environmentId: EnvironmentId;
  workerId: WorkerId;
  generation: number;
  fromLog: number;
  toLog: number;
  chunk: Omit<ChunkRow, 'generation'> | null;
}

/** What a start has logged so far. */
export interface Extent {
  nextNumber: number;
  nextLine: number;
  sizeBytes: number;
}

/** Many workers' appends in one statement, and one notification for all of them. Gives the workers whose number moved. */
const COMMIT = {
  name: 'log_commit',
  text: `
    WITH given AS MATERIALIZED (
      SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::int[], $5::int[], $6::int[], $7::int[], $8::int[], $9::text[], $10::int[])
        AS g(environment_id, worker_id, generation, from_log, to_log, number, first_line, line_count, key, size_bytes)
      ORDER BY worker_id
    ), moved AS (
      UPDATE workers w SET acked_log = g.to_log FROM given g
      WHERE w.id = g.worker_id AND w.environment_id = g.environment_id AND w.acked_log = g.from_log
      RETURNING w.id
    ), stored AS (
      INSERT INTO log_chunks (environment_id, generation, number, first_line, line_count, key, size_bytes)
      SELECT g.environment_id, g.generation, g.number, g.first_line, g.line_count, g.key, g.size_bytes
      FROM given g JOIN moved m ON m.id = g.worker_id
      WHERE g.key IS NOT NULL
      RETURNING environment_id
    ), told AS (
      SELECT pg_notify('${CHANNEL}', string_agg('l' || environment_id, ' ')) FROM stored HAVING count(*) > 0
    )
    SELECT id AS worker_id, (SELECT count(*) FROM told) FROM moved`,
};

/** So many environment ids fit into one notification. */
export const MAX_COMMITS = 200;

const columns =
  'generation, number, first_line AS "firstLine", line_count AS "lineCount", key, size_bytes AS "sizeBytes"';

const OF_EARLIER_STARTS = `
  SELECT DISTINCT c.environment_id AS "environmentId", c.generation
  FROM log_chunks c JOIN environments e ON e.id = c.environment_id
  WHERE c.generation < e.generation AND c.at < now() - $1 * interval '1 day' LIMIT $2`;

export const logStore = {
  /** Logs of starts before an environment's last one that are older than `days`. */
  async ofEarlierStarts(
    database: Queryable,
    options: { days: number; limit: number },
  ): Promise<{ environmentId: EnvironmentId; generation: number }[]> {
    const { rows } = await database.query(OF_EARLIER_STARTS, [options.days, options.limit]);
    return rows;
  },

  /** At most `MAX_COMMITS`, each of another worker. */
  async commit(database: Queryable, commits: readonly Commit[]): Promise<Set<WorkerId>> {
    const column = <T>(pick: (commit: Commit) => T) => commits.map(pick);
    const { rows } = await database.query<{ worker_id: WorkerId }>({
      ...COMMIT,
      values: [
        column((commit) => commit.environmentId),
        column((commit) => commit.workerId),
        column((commit) => commit.generation),
        column((commit) => commit.fromLog),
        column((commit) => commit.toLog),
        column((commit) => commit.chunk?.number ?? null),
        column((commit) => commit.chunk?.firstLine ?? null),
        column((commit) => commit.chunk?.lineCount ?? null),
        column((commit) => commit.chunk?.key ?? null),
        column((commit) => commit.chunk?.sizeBytes ?? null),
      ],
    });
    return new Set(rows.map((row) => row.worker_id));
  },

  async extent(database: Queryable, environmentId: EnvironmentId, generation: number): Promise<Extent> {
    const { rows } = await database.query<Extent>({
      name: 'log_extent',
      text: `SELECT COALESCE(max(number) + 1, 1)::int AS "nextNumber",
          COALESCE(max(first_line + line_count), 0)::int AS "nextLine", COALESCE(sum(size_bytes), 0)::float8 AS "sizeBytes"
        FROM log_chunks WHERE environment_id = $1 AND generation = $2`,
      values: [environmentId, generation],
    });
    return rows[0] ?? { nextNumber: 1, nextLine: 0, sizeBytes: 0 };
  },

  /** The chunks that hold lines after the position, the oldest first. */
  async after(
    database: Queryable,
    environmentId: EnvironmentId,
    position: Position,
    limit: number,
  ): Promise<ChunkRow[]> {
    const { rows } = await database.query<ChunkRow>({
      name: 'log_after',
      text: `SELECT ${columns} FROM log_chunks
        WHERE environment_id = $1 AND generation >= $2 AND (generation, first_line + line_count - 1) > ($2, $3)
        ORDER BY generation, number LIMIT $4`,
      values: [environmentId, position.generation, position.line, limit],
    });
    return rows;
  },

  /** Runs of neighbouring small chunks of starts that log no more, or have logged very often; see compaction.ts. */
  async scattered(
    database: Queryable,
    options: { minChunks: number; smallBytes: number; limit: number },
  ): Promise<{ environmentId: EnvironmentId; generation: number }[]> {
    const { rows } = await database.query<{ environmentId: EnvironmentId; generation: number }>({
      name: 'log_scattered',
      text: `SELECT environment_id AS "environmentId", generation FROM log_chunks
        WHERE size_bytes < $1 GROUP BY environment_id, generation HAVING count(*) >= $2 LIMIT $3`,
      values: [options.smallBytes, options.minChunks, options.limit],
    });
    return rows;
  },

  /** All chunks of one start. */
  async ofGeneration(database: Queryable, environmentId: EnvironmentId, generation: number): Promise<ChunkRow[]> {
    const { rows } = await database.query<ChunkRow>({
      name: 'log_of_generation',
      text: `SELECT ${columns} FROM log_chunks WHERE environment_id = $1 AND generation = $2 ORDER BY number`,
      values: [environmentId, generation],
    });
    return rows;
  },

  /** Puts one chunk in the place of those numbers; false, and nothing done, when not all of them are there any more. */
  async replace(
    database: Queryable,
    environmentId: EnvironmentId,
    numbers: readonly number[],
    chunk: ChunkRow,
  ): Promise<boolean> {
    const { rows } = await database.query<{ isReplaced: boolean }>({
      name: 'log_replace',
      text: `
        WITH locked AS MATERIALIZED (
          SELECT number FROM log_chunks WHERE environment_id = $1 AND generation = $2 AND number = ANY($3)
          ORDER BY number FOR UPDATE
        ), whole AS (SELECT count(*) = cardinality($3::int[]) AS is_whole FROM locked),
        removed AS (
          DELETE FROM log_chunks WHERE environment_id = $1 AND generation = $2 AND number = ANY($3)
            AND number <> $4 AND (SELECT is_whole FROM whole)
        ), kept AS (
          UPDATE log_chunks SET first_line = $5, line_count = $6, key = $7, size_bytes = $8
          WHERE environment_id = $1 AND generation = $2 AND number = $4 AND (SELECT is_whole FROM whole)
          RETURNING 1
        )
        SELECT EXISTS (SELECT FROM kept) AS "isReplaced"`,
      values: [
        environmentId,
        chunk.generation,
        numbers,
        chunk.number,
        chunk.firstLine,
        chunk.lineCount,
        chunk.key,
        chunk.sizeBytes,
      ],
    });
    return rows[0]?.isReplaced ?? false;
  },

  /** Environments that are gone and still have a log. */
  async orphaned(database: Queryable, limit: number): Promise<EnvironmentId[]> {
    const { rows } = await database.query<{ id: EnvironmentId }>({
      name: 'log_orphaned',
      text: `SELECT DISTINCT c.environment_id AS id FROM log_chunks c JOIN environments e ON e.id = c.environment_id
        WHERE e.phase = 'deleted' LIMIT $1`,
      values: [limit],
    });
    return rows.map((row) => row.id);
  },

  async forget(database: Queryable, environmentId: EnvironmentId): Promise<void> {
    await database.query('DELETE FROM log_chunks WHERE environment_id = $1', [environmentId]);
  },

  async forgetGeneration(database: Queryable, environmentId: EnvironmentId, generation: number): Promise<void> {
    await database.query('DELETE FROM log_chunks WHERE environment_id = $1 AND generation = $2', [
      environmentId,
      generation,
    ]);
  },
};
