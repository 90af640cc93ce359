/**
 * What is shared with whom, as it is now: asked by everybody who decides about somebody else's environment. Depends on no
 * environment, so that these can depend on it; sharing itself is share.service.ts.
 */
import type { Clock } from '@easel/kit/clock';
import type { EnvironmentId, UserId } from '@easel/schema/ids';
import { type Db, type Reader, reading } from '../db.ts';
import type { GroupService } from '../group/group.service.ts';
import { isShareAccess, type SharedAccess } from '../rights/shared-access.ts';
import { type Guest, type ShareRow, shareStore } from './share.store.ts';

export interface SharedWithParts {
  db: Db;
  clock: Clock;
  /** Switched off, no share gives anything; they are there again when it is switched on. */
  isOn: boolean;
  groups: () => Groups;
}

/** Who belongs to which group. */
export type Groups = Pick<GroupService, 'idsOf' | 'membersOf'>;

/** A worker is told of no more than these; entries of shares that are long over are forgotten. */
const MAX_ENTRIES = 2_000;
/** Of groups with which SSH is shared, those whose keys a worker gets; the others come in by the jump alone. */
const MAX_MEMBERS = 1_000;
/** More is not a list that anybody reads. */
export const MAX_SHARED = 500;

export class SharedWithService {
  readonly #parts: SharedWithParts;
  readonly #db: Db;

  constructor(parts: SharedWithParts) {
    this.#parts = parts;
    this.#db = parts.db;
  }

  get isOn(): boolean {
    return this.#parts.isOn;
  }

  /** What of each of these environments is shared with the user; what is not shared is not in the map. One query, or two. */
  async accessOf(userId: UserId, environmentIds: readonly string[]): Promise<Map<string, SharedAccess[]>> {
    const found = new Map<string, SharedAccess[]>();
    if (!this.isOn || environmentIds.length === 0) return found;
    const rows = await reading(async () =>
      shareStore.with(this.#db, await this.#guest(userId), { ids: environmentIds, now: this.#now() }),
    );
    for (const row of rows) {
      const access = accessOf(row, userId);
      if (access) found.set(row.environmentId, [...(found.get(row.environmentId) ?? []), access]);
    }
    return found;
  }

  /** Environments that are shared with the user; the newest share first. */
  async environmentIds(userId: UserId, name?: string, db: Reader = this.#db): Promise<EnvironmentId[]> {
    if (!this.isOn) return [];
    const about = { ...(name === undefined ? {} : { name }), now: this.#now(), limit: MAX_SHARED };
    return reading(async () => shareStore.environmentIds(db, await this.#guest(userId, db), about));
  }

  /** Environments that these users may see by a share, or into which they came by one: theirs to be told about. */
  async concerning(db: Reader, userIds: readonly UserId[]): Promise<EnvironmentId[]> {
    return reading(() => shareStore.concerning(db, userIds));
  }

  groupIdsOf(userId: UserId): Promise<string[]> {
    return this.#parts.groups().idsOf(userId);
  }

  /** The one that is called so among what is shared with the user; null when there is none, or more than one. */
  async idByName(userId: UserId, name: string): Promise<EnvironmentId | null> {
    const [id, another] = await this.environmentIds(userId, name);
    return id !== undefined && another === undefined ? id : null;
  }

  /** Whose keys its SSH side takes, besides the owner's. */
  async sshGuests(environmentId: EnvironmentId): Promise<UserId[]> {
    if (!this.isOn) return [];
    const open = await reading(() => shareStore.open(this.#db, [environmentId], this.#now()));
    const ssh = open.filter(({ access }) => access === 'ssh');
    const users = ssh.flatMap(({ userId }) => (userId === null ? [] : [userId as UserId]));
    const members = await this.#membersOf(ssh, { limit: MAX_MEMBERS });
    return [...new Set([...users, ...members.map(({ userId }) => userId)])];
  }

  /**
   * Everybody who came in by a share that lets him in no longer: it has ended, he has left the group, is disabled. As
   * `<share>.<user>`, the credential of a guest's ticket. And all users who came in by one, whose own credentials may end.
   */
  async entries(environmentId: EnvironmentId): Promise<{ ended: string[]; userIds: UserId[] }> {
    const entries = await reading(() => shareStore.entries(this.#db, environmentId, MAX_ENTRIES));
    const userIds = [...new Set(entries.map(({ userId }) => userId as UserId))];
    const shares = entries.map(({ share }) => share);
    const members = await this.#membersOf(shares, { among: userIds, limit: MAX_ENTRIES });
    const isMember = (groupId: string | null, userId: string) =>
      members.some((member) => member.groupId === groupId && member.userId === userId);
    const now = this.#now();
    const isGood = ({ share, userId, user }: (typeof entries)[number]) =>
      this.isOn &&
      isOpenAt(share, now) &&
      user.disabledAt === null &&
      (share.userId === userId || isMember(share.groupId, userId));
    return {
      ended: entries.filter((entry) => !isGood(entry)).map(({ shareId, userId }) => guestCredential(shareId, userId)),
      userIds,
    };
  }

  /** Before a ticket is signed, so that whoever holds one is known. */
  async noteEntry(share: SharedAccess, environmentId: EnvironmentId): Promise<void> {
    const entry = { shareId: share.shareId, userId: share.guestId, environmentId, lastAt: this.#now() };
    await reading(() => shareStore.noteEntry(this.#db, entry));
  }

  async #membersOf(
    shares: readonly { groupId: string | null }[],
    about: { among?: readonly string[]; limit: number },
  ): Promise<{ groupId: string; userId: UserId }[]> {
    const groupIds = [...new Set(shares.flatMap(({ groupId }) => groupId ?? []))];
    return groupIds.length === 0 ? [] : this.#parts.groups().membersOf(groupIds, about);
  }

  async #guest(userId: UserId, db?: Reader): Promise<Guest> {
    return { userId, groupIds: await this.#parts.groups().idsOf(userId, db) };
  }

  #now(): Date {
    return new Date(this.#parts.clock.now());
  }
}

/** What a guest's ticket was given for. */
export function guestCredential(shareId: string, userId: string): string {
  return `${shareId}.${userId}`;
}

export function isOpenAt(share: { endedAt: Date | null; expiresAt: Date | null }, now: Date): boolean {
  return share.endedAt === null && (share.expiresAt === null || share.expiresAt > now);
}

/** A word that this release does not know gives nothing. */
function accessOf(row: ShareRow, guestId: string): SharedAccess | null {
  const { id: shareId, access, ports, expiresAt } = row;
  return isShareAccess(access) ? { shareId, guestId, access, ports, expiresAt } : null;
}
