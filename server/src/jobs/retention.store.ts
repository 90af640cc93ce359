/**
 * Deletes rows that no part of the server will look at again, whichever domain's they are: the only file that reaches into
 * tables of others, and only to delete. In portions, so that no statement holds locks for long.
 */
import type { Queryable } from '../db.ts';

const PLACEMENTS = `
  DELETE FROM placements WHERE id IN (
    SELECT id FROM placements WHERE state = 'ended' AND ended_at < now() - $1 * interval '1 day' LIMIT $2)`;

/** Steps of starts before the last one, once those are old. */
const STEPS = `
  DELETE FROM steps WHERE (environment_id, generation, name) IN (
    SELECT s.environment_id, s.generation, s.name
    FROM steps s JOIN environments e ON e.id = s.environment_id
    JOIN workers w ON w.environment_id = s.environment_id AND w.generation = s.generation
    WHERE s.generation < e.generation AND w.created_at < now() - $1 * interval '1 day' LIMIT $2)`;

export const retentionStore = {
  /** Gives how many rows went. */
  async prune(database: Queryable, options: { days: number; limit: number }): Promise<number> {
    const counts = [];
    for (const statement of [PLACEMENTS, STEPS]) {
      const { rowCount } = await database.query(statement, [options.days, options.limit]);
      counts.push(rowCount ?? 0);
    }
    return counts.reduce((sum, count) => sum + count, 0);
  },
};
