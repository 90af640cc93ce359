/**
 * What a thing was like before an act and is like after it, without what could be a secret. The row is read by the id that
 * the mutation names, so that no service must think of it. Two acts on one thing at the same moment may each show the
 * other's change: the input, which is kept beside it, says whose it was.
 */
import { type IdKind, kindOf } from '@easel/schema/ids';
import type { Reader } from '../db.ts';
import { NAMES_ONLY, NOT_KEPT, SECRET, textOf } from './details.ts';

/** Rows as JSON by the kind of their id: the one place where the log reads other tables. Columns that nobody sets are left out. */
const ROWS: Partial<Record<IdKind, string>> = {
  apiToken: of('api_tokens', 'last_used_at', 'last_used_address', 'known_addresses'),
  clientCredential: of('client_credentials', 'last_used_at', 'last_used_address'),
  environment: `SELECT jsonb_build_object('name', name, 'owner_id', owner_id, 'desired', desired, 'disk_bytes', disk_bytes,
    'deleted_at', deleted_at) AS row FROM environments WHERE id = $1`,
  instanceType: of('instance_types'),
  invitation: of('invitations'),
  platform: of(
    'platforms',
    ...['kind', 'last_seen_at', 'settings_version', 'settings_applied_version', 'applied_settings', 'settings_problem'],
    ...[
      'features',
      'storage_classes',
      'problems',
      'cluster_version',
      'ssh_host_keys',
      'relay_url',
      'ssh_host',
      'ssh_port',
    ],
  ),
  session: of('sessions', 'last_used_at'),
  signInModule: of('sign_in_modules'),
  snapshot: `SELECT jsonb_build_object('name', name, 'owner_id', owner_id, 'state', state, 'deleted_at', deleted_at) AS row
    FROM snapshots WHERE id = $1`,
  sshKey: of('ssh_keys', 'last_used_at'),
  template: of('templates'),
  group: `SELECT to_jsonb(g) - ARRAY['updated_at'] || jsonb_build_object('roles', ${grantsBy('group_id', 'g.id')},
    'members', (SELECT coalesce(jsonb_agg(m.user_id ORDER BY m.user_id), '[]') FROM group_members m WHERE m.group_id = g.id))
    AS row FROM groups g WHERE id = $1`,
  role: of('roles'),
  webhook: of('webhooks', 'failing_since'),
  user: `SELECT to_jsonb(u) || jsonb_build_object('roles', ${grantsBy('user_id', 'u.id')},
    'namespaces', (SELECT coalesce(jsonb_object_agg(m.namespace_id, m.role), '{}') FROM members m WHERE m.user_id = u.id),
    'groups', (SELECT coalesce(jsonb_agg(m.group_id ORDER BY m.group_id), '[]') FROM group_members m WHERE m.user_id = u.id))
    AS row FROM users u WHERE id = $1`,
};

function of(table: string, ...left: string[]): string {
  const columns = ['version', 'updated_at', ...left].map((name) => `'${name}'`).join(', ');
  return `SELECT to_jsonb(t) - ARRAY[${columns}] AS row FROM ${table} t WHERE id = $1`;
}

/** The roles that somebody or a group is given besides, as words. */
function grantsBy(column: string, id: string): string {
  return `(SELECT coalesce(jsonb_agg(concat_ws(' ', r.role, r.role_id, r.namespace_id) ORDER BY r.id), '[]')
    FROM role_grants r WHERE r.${column} = ${id})`;
}

export type Row = Record<string, unknown>;

/** Null for what is not there, or of a kind that has no row. */
export async function rowOf(db: Reader, id: string): Promise<Row | null> {
  const kind = kindOf(id);
  const sql = kind ? ROWS[kind] : undefined;
  if (!sql) return null;
  const [found] = await db.$queryRawUnsafe<{ row: Row }[]>(sql, id);
  return found?.row ?? null;
}

export interface Change {
  from: unknown;
  to: unknown;
}

/** An act that changes more is told by its first ones. */
const MAX_CHANGES = 50;
const MAX_DEPTH = 4;

/** By dotted path, only what differs. Values that could be secrets are told to have changed, and no more. */
export function changesOf(before: Row, after: Row): Record<string, Change> {
  const left = leavesOf(before);
  const right = leavesOf(after);
  const changes: Record<string, Change> = {};
  for (const path of new Set([...left.keys(), ...right.keys()])) {
    const [from = null, to = null] = [left.get(path), right.get(path)];
    if (JSON.stringify(from) === JSON.stringify(to)) continue;
    if (Object.keys(changes).length >= MAX_CHANGES) break;
    changes[path] = { from: shown(path, from), to: shown(path, to) };
  }
  return changes;
}

function leavesOf(row: Row): Map<string, unknown> {
  const leaves = new Map<string, unknown>();
  const walk = (value: unknown, path: string, depth: number) => {
    if (value === null || value === undefined) return;
    if (typeof value !== 'object' || Array.isArray(value) || depth >= MAX_DEPTH) return void leaves.set(path, value);
    for (const [key, inner] of Object.entries(value)) walk(inner, path === '' ? key : `${path}.${key}`, depth + 1);
  };
  const named = Object.entries(row).map(([column, value]) => [
    column.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    value,
  ]);
  walk(Object.fromEntries(named), '', 0);
  return leaves;
}

/** A pod's whole template may hold anything. */
const FREE_FORM = /^(podTemplate|annotations|secret|script|extraCa)$/i;

function shown(path: string, value: unknown): unknown {
  if (value === null || typeof value === 'boolean') return value;
  const parts = path.split('.');
  const isSecret = parts.some(
    (part) => NAMES_ONLY.test(part) || FREE_FORM.test(part) || (part !== 'settings' && SECRET.test(part)),
  );
  return isSecret ? NOT_KEPT : textOf(value);
}
