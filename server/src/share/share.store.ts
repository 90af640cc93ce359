/** The only file that touches the tables `shares` and `share_entries`. */
import { type EnvironmentId, newId, type ShareId, type UserId } from '@easel/schema/ids';
import type { Reader, Tx } from '../db.ts';
import type { Prisma, Share, User } from '../generated/prisma/client.ts';

export type ShareRow = Omit<Share, 'id' | 'environmentId'> & { id: ShareId; environmentId: EnvironmentId };
export type NewShare = Pick<
  Share,
  'environmentId' | 'userId' | 'groupId' | 'access' | 'ports' | 'note' | 'createdById' | 'createdAt' | 'expiresAt'
>;

/** To whom: by himself, or as a member of these groups. */
export interface Guest {
  userId: UserId;
  groupIds: readonly string[];
}

const isOpen = (now: Date): Prisma.ShareWhereInput => ({
  endedAt: null,
  AND: { OR: [{ expiresAt: null }, { expiresAt: { gt: now } }] },
});
const isWith = ({ userId, groupIds }: Guest): Prisma.ShareWhereInput => ({
  OR: [{ userId }, ...(groupIds.length > 0 ? [{ groupId: { in: [...groupIds] } }] : [])],
});
const isThere = { phase: { not: 'deleted' } };

export const shareStore = {
  async insert(tx: Tx, share: NewShare): Promise<ShareRow> {
    return (await tx.share.create({ data: { id: newId('share', share.createdAt.getTime()), ...share } })) as ShareRow;
  },

  async find(db: Reader, id: ShareId): Promise<ShareRow | null> {
    return (await db.share.findUnique({ where: { id } })) as ShareRow | null;
  },

  /** Open ones of these environments, the oldest first. */
  async open(db: Reader, environmentIds: readonly string[], now: Date): Promise<ShareRow[]> {
    const where = { environmentId: { in: [...environmentIds] }, ...isOpen(now) };
    return (await db.share.findMany({ where, orderBy: { id: 'asc' } })) as ShareRow[];
  },

  /** Of these environments, what is shared with the guest. */
  async with(db: Reader, guest: Guest, about: { ids: readonly string[]; now: Date }): Promise<ShareRow[]> {
    const where = { environmentId: { in: [...about.ids] }, ...isOpen(about.now), ...isWith(guest) };
    return (await db.share.findMany({ where })) as ShareRow[];
  },

  /** Environments of which anything is shared with the guest, also by their name; the newest share first. */
  async environmentIds(
    db: Reader,
    guest: Guest,
    about: { name?: string; now: Date; limit: number },
  ): Promise<EnvironmentId[]> {
    const { name, now, limit } = about;
    const environment = { ...isThere, ...(name === undefined ? {} : { name }) };
    const rows = await db.share.findMany({
      where: { ...isOpen(now), ...isWith(guest), environment },
      select: { environmentId: true },
      orderBy: { id: 'desc' },
      distinct: ['environmentId'],
      take: limit,
    });
    return rows.map((row) => row.environmentId as EnvironmentId);
  },

  countOpen(tx: Tx, environmentId: string, now: Date): Promise<number> {
    return tx.share.count({ where: { environmentId, ...isOpen(now) } });
  },

  /** Ends those that have not ended, and gives them. */
  async end(tx: Tx, which: Prisma.ShareWhereInput, by: { userId: string | null; now: Date }): Promise<ShareRow[]> {
    return (await tx.share.updateManyAndReturn({
      where: { ...which, endedAt: null },
      data: { endedAt: by.now, endedById: by.userId },
    })) as ShareRow[];
  },

  /** Those that have expired, or whose group is gone. */
  async due(db: Reader, now: Date, limit: number): Promise<ShareId[]> {
    const rows = await db.$queryRawUnsafe<{ id: ShareId }[]>(
      `SELECT id FROM shares s WHERE ended_at IS NULL AND (expires_at <= $1::timestamptz
         OR (group_id IS NOT NULL AND NOT EXISTS (SELECT FROM groups g WHERE g.id = s.group_id)))
       ORDER BY expires_at LIMIT $2`,
      now,
      limit,
    );
    return rows.map(({ id }) => id);
  },

  async noteEntry(db: Reader, entry: { shareId: string; userId: string; environmentId: string; lastAt: Date }) {
    const { shareId, userId, lastAt } = entry;
    const where = { shareId_userId: { shareId, userId } };
    await db.shareEntry.upsert({ where, create: entry, update: { lastAt } });
  },

  /** Everybody who ever came in by a share, the last first. */
  entries(db: Reader, environmentId: string, limit: number): Promise<Entered[]> {
    return db.shareEntry.findMany({
      where: { environmentId },
      include: { share: true, user: { select: { id: true, login: true, name: true, disabledAt: true } } },
      orderBy: { lastAt: 'desc' },
      take: limit,
    });
  },

  /** Environments that are shared with these users themselves, or in which they were by any share. */
  async concerning(db: Reader, userIds: readonly string[]): Promise<EnvironmentId[]> {
    const among = { in: [...userIds] };
    const select = { environmentId: true } as const;
    const open = await db.share.findMany({ where: { userId: among, endedAt: null }, select });
    const entered = await db.shareEntry.findMany({ where: { userId: among }, select });
    return [...new Set([...open, ...entered].map((row) => row.environmentId as EnvironmentId))];
  },

  async forgetEntries(db: Reader, endedBefore: Date): Promise<void> {
    await db.shareEntry.deleteMany({ where: { share: { endedAt: { lt: endedBefore } } } });
  },
};

export type Entered = Prisma.ShareEntryGetPayload<{
  include: { share: true };
}> & { user: Pick<User, 'id' | 'login' | 'name' | 'disabledAt'> };
