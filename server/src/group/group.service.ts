/** Groups: their members get what the group gets. Some are made here, some are kept in step by a directory. */
import { type GroupId, isId, type UserId } from '@easel/schema/ids';
import type { AuditService } from '../audit/audit.service.ts';
import { type Db, type Reader, reading, type Tx } from '../db.ts';
import type { UserService } from '../user/user.service.ts';
import { type GroupRow, groupStore } from './group.store.ts';
import { type Directory, syncGroups, tellOfSync } from './group-sync.ts';

interface GroupServiceParts {
  db: Db;
  audit: AuditService;
  users: UserService;
  /** Tells the users' workers, in the same transaction. */
  onAccessChanged: (tx: Tx, userIds: readonly UserId[]) => Promise<void>;
}

export class GroupService {
  readonly #parts: GroupServiceParts;
  readonly #db: Db;

  constructor(parts: GroupServiceParts) {
    this.#parts = parts;
    this.#db = parts.db;
  }

  /** Ids of the groups that this user is in. */
  async idsOf(userId: UserId, db: Reader = this.#db): Promise<GroupId[]> {
    return (await reading(() => groupStore.ofUser(db, userId))).map(({ id }) => id);
  }

  /** By exactly its name, or by its id. */
  async find(nameOrId: string): Promise<GroupRow | null> {
    return reading(() =>
      isId('group', nameOrId) ? groupStore.find(this.#db, nameOrId) : groupStore.findByName(this.#db, nameOrId),
    );
  }

  membersOf(groupIds: readonly string[], about: { among?: readonly string[]; limit: number }) {
    return reading(() => groupStore.membersOf(this.#db, groupIds, about));
  }

  /**
   * Makes the user a member of exactly those groups of this sign-in module that the directory names; other groups are left alone.
   * He stays in one that makes him the last administrator. What has changed is judged within seconds, and audited.
   */
  async syncFrom(tx: Tx, directory: Directory): Promise<void> {
    const synced = await syncGroups(tx, directory);
    if (!synced) return;
    const { userId, moduleId } = directory;
    const { login } = await this.#parts.users.get(userId, tx);
    await tellOfSync(tx, this.#parts.audit, { ...synced, userId, login, moduleId });
    await this.#parts.onAccessChanged(tx, [userId]);
  }
}
