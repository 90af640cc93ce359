/** Rights for suites. */
import { newId, type UserId } from '@easel/schema/ids';
import type { UserActor } from '../actor.ts';
import type { Db } from '../db.ts';
import { readRights } from './grants.ts';
import { type Rights, rightsOf } from './rights.ts';
import type { NamespaceRole, SystemRole } from './roles.ts';

export const ADMINISTRATOR: Rights = rightsOf([
  { namespaceId: null, role: 'administrator', roleId: null, permissions: null, groupId: null },
]);

/** A user in the database who has these roles, as an actor who has just signed in. */
export async function newUserWith(
  db: Db,
  namespaceId: string,
  given: { role: NamespaceRole | null; systemRole: SystemRole | null },
): Promise<UserActor> {
  const userId: UserId = newId('user');
  const login = `u${userId.slice(-8)}`;
  const { role, systemRole } = given;
  const system = { isAdministrator: systemRole === 'administrator', isAuditor: systemRole === 'auditor' };
  const members = role === null ? {} : { members: { create: { namespaceId, role } } };
  await db.user.create({ data: { id: userId, login, name: login, ...system, ...members } });
  const rights = await readRights(db, userId);
  return { kind: 'user', userId, login, rights, credential: { kind: 'session', id: 'none', provedAt: new Date() } };
}
