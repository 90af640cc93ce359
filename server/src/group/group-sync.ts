/**
 * Membership in the groups of a directory, made what the directory says at a sign-in. A name that no group here has is passed over:
 * an administrator decides which of the directory's groups mean something.
 */
import type { GroupId, UserId } from '@easel/schema/ids';
import { ANONYMOUS } from '../actor.ts';
import type { AuditService } from '../audit/audit.service.ts';
import type { Tx } from '../db.ts';
import { lockAdministrators } from '../rights/administrators.ts';
import { type GroupRow, groupStore } from './group.store.ts';

export interface Directory {
  userId: UserId;
  moduleId: string;
  /** What the directory calls the user's groups; compared whatever their case. */
  names: readonly string[];
}

export interface Synced {
  added: GroupRow[];
  removed: GroupRow[];
  /** Of these he is a member no longer, but without him nobody could administer. */
  kept: GroupRow[];
}

/** Gives null where nothing has changed. */
export async function syncGroups(tx: Tx, { userId, moduleId, names }: Directory): Promise<Synced | null> {
  const groups = await groupStore.ofModule(tx, moduleId);
  if (groups.length === 0) return null;
  const wanted = new Set(names.map((name) => name.toLowerCase()));
  const isWanted = ({ externalName }: GroupRow) => externalName !== null && wanted.has(externalName.toLowerCase());
  const present = new Set<GroupId>((await groupStore.ofUser(tx, userId)).map(({ id }) => id));
  const added = groups.filter((group) => isWanted(group) && !present.has(group.id));
  const leaving = groups.filter((group) => !isWanted(group) && present.has(group.id));
  if (added.length === 0 && leaving.length === 0) return null;
  for (const { id } of added) await groupStore.addMembers(tx, id, [userId]);
  const removed: GroupRow[] = [];
  const kept: GroupRow[] = [];
  for (const group of leaving) (await leave(tx, group, userId)) ? removed.push(group) : kept.push(group);
  return added.length === 0 && removed.length === 0 && kept.length === 0 ? null : { added, removed, kept };
}

/** False where that would be the end of the last administrator: then he stays in the group. */
async function leave(tx: Tx, { id }: GroupRow, userId: UserId): Promise<boolean> {
  const before = await lockAdministrators(tx);
  await groupStore.removeMembers(tx, id, [userId]);
  if (before.length === 0 || (await lockAdministrators(tx)).length > 0) return true;
  await groupStore.addMembers(tx, id, [userId]);
  return false;
}

/** What a sync has done, in the audit log, if it is committed. */
export async function tellOfSync(
  tx: Tx,
  audit: AuditService,
  told: Synced & { userId: UserId; login: string; moduleId: string },
): Promise<void> {
  const { userId, login, moduleId } = told;
  const namesOf = (groups: GroupRow[]) => groups.map(({ name }) => name);
  const args = {
    module: moduleId,
    added: namesOf(told.added),
    removed: namesOf(told.removed),
    keptAsLastAdministrator: namesOf(told.kept),
  };
  const from = { address: null, requestId: null };
  const act = { action: 'syncGroups', actor: ANONYMOUS, from, thingId: userId, thingName: login, args };
  await audit.record(act, 'done', tx);
}
