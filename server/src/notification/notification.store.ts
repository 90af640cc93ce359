/** The only file that touches the tables `notifications` and `notification_preferences`. */
import { newId, type UserId } from '@easel/schema/ids';
import type { Reader, Tx } from '../db.ts';
import type { Notification, NotificationPreference, Prisma } from '../generated/prisma/client.ts';

export type NewNotification = Pick<Notification, 'kind' | 'key' | 'thingId' | 'createdAt' | 'isHidden'> & {
  userId: UserId;
  values: Record<string, string>;
};
type Page = Pick<Prisma.NotificationFindManyArgs, 'include' | 'select' | 'cursor' | 'take' | 'skip'>;

const isUnread = { readAt: null, isHidden: false };

export const notificationStore = {
  /** False when the user has been told the same thing before. */
  async insert(tx: Tx, row: NewNotification): Promise<boolean> {
    const data = { id: newId('notification', row.createdAt.getTime()), ...row };
    return (await tx.notification.createMany({ data, skipDuplicates: true })).count > 0;
  },

  /** The newest first. */
  page(db: Reader, query: Page, filter: { userId: UserId; isUnread: boolean }): Promise<Notification[]> {
    return db.notification.findMany({
      ...query,
      where: { userId: filter.userId, isHidden: false, ...(filter.isUnread ? { readAt: null } : {}) },
      orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
    } as Prisma.NotificationFindManyArgs);
  },

  newest(db: Reader, userId: UserId): Promise<Notification | null> {
    return db.notification.findFirst({
      where: { userId, ...isUnread },
      orderBy: [{ createdAt: 'desc' }, { id: 'desc' }],
    });
  },

  countUnread(db: Reader, userId: UserId): Promise<number> {
    return db.notification.count({ where: { userId, ...isUnread } });
  },

  /** Gives it as it is then; null when it is not the user's. */
  async setRead(tx: Tx, id: string, change: { userId: UserId; readAt: Date | null }): Promise<Notification | null> {
    const { userId, readAt } = change;
    const [row] = await tx.notification.updateManyAndReturn({
      where: { id, userId, isHidden: false },
      data: { readAt },
    });
    return row ?? null;
  },

  async setAllRead(tx: Tx, userId: UserId, readAt: Date): Promise<number> {
    return (await tx.notification.updateMany({ where: { userId, ...isUnread }, data: { readAt } })).count;
  },

  preferences(db: Reader, userIds: readonly string[]): Promise<NotificationPreference[]> {
    return db.notificationPreference.findMany({ where: { userId: { in: [...userIds] } } });
  },

  async setPreference(tx: Tx, { userId, kind, ...chosen }: NotificationPreference): Promise<void> {
    const where = { userId_kind: { userId, kind } };
    await tx.notificationPreference.upsert({ where, create: { userId, kind, ...chosen }, update: chosen });
  },

  async sweep(db: Reader, before: Date): Promise<void> {
    await db.notification.deleteMany({ where: { createdAt: { lt: before } } });
  },
};
