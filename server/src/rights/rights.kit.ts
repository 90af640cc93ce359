/** Rights for suites. */
import { newId, type UserId } from '@easel/schema/ids';
import type { UserActor } from '../actor.ts';
import type { Db } from '../db.ts';
import type { NamespaceRole, Rights, SystemRole } from './roles.ts';

export const ADMINISTRATOR: Rights = { systemRole: 'administrator', roles: {} };

/** A user in the database who has these roles, as an actor. */
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
  const rights: Rights = { systemRole, roles: role === null ? {} : { [namespaceId]: role } };
  return { kind: 'user', userId, login, rights, credential: { kind: 'token', id: 'none' } };
}
