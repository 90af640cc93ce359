/** The list of environments as data: what a message makes of it, how it is filtered and sorted. Pure. */
import type { EnvironmentPhase } from '@easel/schema/states/environment';
import type { EnvironmentRow, EnvironmentsChange } from '#lib/operations/environments.ts';
import { PHASE_GROUP, type PhaseGroup } from '#lib/phases.ts';

export type Rows = ReadonlyMap<string, EnvironmentRow>;

/**
 * Applies a message. A row older than the one that is known is dropped: answers of mutations and messages may overtake each
 * other. `deleted` rows leave the list. `resync` changes nothing: the whole list follows.
 */
export function applyChange(rows: Rows, change: EnvironmentsChange): Rows {
  if (change.kind === 'list') {
    const next = new Map<string, EnvironmentRow>();
    for (const row of change.environments ?? []) {
      const known = rows.get(row.id);
      const newest = known && known.version > row.version ? known : row;
      if (newest.phase !== 'deleted') next.set(row.id, newest);
    }
    return next;
  }
  if (change.kind === 'changed' && change.environment) return putRow(rows, change.environment);
  if (change.kind === 'removed' && change.id && rows.has(change.id)) {
    const next = new Map(rows);
    next.delete(change.id);
    return next;
  }
  return rows;
}

export function putRow(rows: Rows, row: EnvironmentRow): Rows {
  const known = rows.get(row.id);
  if (known && known.version > row.version) return rows;
  const next = new Map(rows);
  if (row.phase === 'deleted') next.delete(row.id);
  else next.set(row.id, row);
  return next;
}

export type PhaseChange = { row: EnvironmentRow; from: EnvironmentPhase | null };

/** The rows whose phase differs between two lists; those that left the list are told as `deleted`. */
export function phaseChanges(before: Rows, after: Rows): PhaseChange[] {
  const changes: PhaseChange[] = [];
  for (const row of after.values()) {
    const known = before.get(row.id);
    if (known?.phase !== row.phase) changes.push({ row, from: known?.phase ?? null });
  }
  for (const row of before.values()) {
    if (!after.has(row.id)) changes.push({ row: { ...row, phase: 'deleted' }, from: row.phase });
  }
  return changes;
}

export type Filter = { group: PhaseGroup | null; search: string };

/** Every word of the search must occur in the name, the template, the branch or the repository. */
export function filterRows(rows: Iterable<EnvironmentRow>, filter: Filter): EnvironmentRow[] {
  const words = filter.search.toLowerCase().split(/\s+/).filter(Boolean);
  return [...rows].filter((row) => {
    if (filter.group && PHASE_GROUP[row.phase] !== filter.group) return false;
    const text = `${row.name} ${row.templateName} ${row.branch ?? ''} ${row.repositoryUrl}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

export function countGroups(rows: Iterable<EnvironmentRow>): Record<PhaseGroup, number> {
  const counts: Record<PhaseGroup, number> = { running: 0, underway: 0, attention: 0, stopped: 0 };
  for (const row of rows) counts[PHASE_GROUP[row.phase]] += 1;
  return counts;
}

const GROUP_ORDER: Record<PhaseGroup, number> = { attention: 0, underway: 1, running: 1, stopped: 2 };

/** What needs attention first, then what lives, then what sleeps; within that the newest first. Stable while a row starts. */
export function sortRows(rows: EnvironmentRow[]): EnvironmentRow[] {
  return rows.toSorted(
    (a, b) =>
      GROUP_ORDER[PHASE_GROUP[a.phase]] - GROUP_ORDER[PHASE_GROUP[b.phase]] ||
      b.createdAt.localeCompare(a.createdAt) ||
      a.name.localeCompare(b.name),
  );
}

/** Work that only this environment's disk has. */
export type Unsaved = { path: string; branch: string | null; uncommitted: number; unpushed: number | null };

export function unsavedWork(row: Pick<EnvironmentRow, 'git'>): Unsaved[] {
  return row.git.filter((status) => status.uncommitted > 0 || (status.unpushed ?? 0) > 0);
}

/** Steps of the current start that are behind, the one at work, and all that count. */
export function stepProgress(row: Pick<EnvironmentRow, 'steps'>): {
  done: number;
  total: number;
  active: EnvironmentRow['steps'][number] | null;
} {
  const counted = row.steps.filter((step) => step.state !== 'skipped');
  return {
    done: counted.filter((step) => step.state === 'done').length,
    total: counted.length,
    active: row.steps.find((step) => step.state === 'active') ?? null,
  };
}
