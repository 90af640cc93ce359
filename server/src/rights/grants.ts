/**
 * Every role that a user has, each with the way by which he has it: his own, those of his groups, those that people made. Read in
 * one statement, since it is asked with every request; it is the only place that puts the tables of four rooms together.
 */
import type { UserId } from '@easel/schema/ids';
import { type Reader, reading } from '../db.ts';
import { type Rights, rightsOf } from './rights.ts';
import type { NamespaceRole, SystemRole } from './roles.ts';

export interface Grant {
  /** Null: for the whole installation. */
  namespaceId: string | null;
  /** A word of `roles.ts`; null for a role that people made. */
  role: string | null;
  roleId: string | null;
  /** Of a role that people made. */
  permissions: readonly string[] | null;
  /** The group that has it; null for a role of his own. */
  groupId: string | null;
}

/** The words of the house as grants: of a system role, and of a role in this namespace. */
export function wordGrants(
  words: { systemRole: SystemRole | null; role: NamespaceRole | null },
  namespaceId: string,
): Grant[] {
  const plain = { roleId: null, permissions: null, groupId: null };
  return [
    ...(words.systemRole === null ? [] : [{ ...plain, role: words.systemRole, namespaceId: null }]),
    ...(words.role === null ? [] : [{ ...plain, role: words.role, namespaceId }]),
  ];
}

/** SQL for a user's grants as JSON. `user` is SQL for the user's id. */
export function grantsSql(user: string): string {
  const custom = `SELECT g.namespace_id, g.role, g.role_id, r.permissions, g.group_id
      FROM role_grants g LEFT JOIN roles r ON r.id = g.role_id`;
  return `(SELECT coalesce(jsonb_agg(jsonb_build_object('namespaceId', namespace_id, 'role', role, 'roleId', role_id,
    'permissions', permissions, 'groupId', group_id)), '[]') FROM (
      SELECT NULL::text AS namespace_id, CASE WHEN own.is_administrator THEN 'administrator' ELSE 'auditor' END AS role,
        NULL::text AS role_id, NULL::text[] AS permissions, NULL::text AS group_id
      FROM users own WHERE own.id = ${user} AND (own.is_administrator OR own.is_auditor)
      UNION ALL SELECT m.namespace_id, m.role, NULL, NULL, NULL FROM members m WHERE m.user_id = ${user}
      UNION ALL ${custom} WHERE g.user_id = ${user}
      UNION ALL ${custom} JOIN group_members gm ON gm.group_id = g.group_id WHERE gm.user_id = ${user}) AS each_grant)`;
}

export async function readGrants(db: Reader, userId: UserId): Promise<Grant[]> {
  const sql = `SELECT ${grantsSql('$1::text')} AS grants`;
  const [row] = await reading(() => db.$queryRawUnsafe<{ grants: Grant[] }[]>(sql, userId));
  return row?.grants ?? [];
}

/** The same of several users; nothing of one who is not there. */
export async function readGrantsOf(db: Reader, userIds: readonly string[]): Promise<Map<string, Grant[]>> {
  const sql = `SELECT u.id, ${grantsSql('u.id')} AS grants FROM users u WHERE u.id = ANY($1::text[])`;
  const rows = await reading(() => db.$queryRawUnsafe<{ id: string; grants: Grant[] }[]>(sql, [...userIds]));
  return new Map(rows.map(({ id, grants }) => [id, grants]));
}

/** What this user may at this moment. */
export async function readRights(db: Reader, userId: UserId): Promise<Rights> {
  return rightsOf(await readGrants(db, userId));
}
