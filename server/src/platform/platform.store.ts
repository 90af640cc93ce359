/** The only file that touches the table `platforms`. */
import { newId, type PlatformId } from '@easel/schema/ids';
import type { PlatformSettings } from '@easel/schema/platform-settings';
import type { Reader, Tx } from '../db.ts';
import { Prisma } from '../generated/prisma/client.ts';
import type { PlatformRow } from './platform-row.ts';

/** What a scheduler says of its platform with each heartbeat. */
export type PlatformFields = Pick<
  PlatformRow,
  | 'version'
  | 'kind'
  | 'runtime'
  | 'relayUrl'
  | 'workerRelayUrl'
  | 'sshHost'
  | 'sshPort'
  | 'notice'
  | 'isIsolated'
  | 'clusterVersion'
  | 'features'
  | 'storageClasses'
  | 'problems'
  | 'settingsAppliedVersion'
  | 'settingsProblem'
>;

/** Prisma wants its own null where a JSON column is to hold none. */
function json(value: unknown): Prisma.InputJsonValue | typeof Prisma.DbNull {
  return value === null ? Prisma.DbNull : (value as Prisma.InputJsonValue);
}

export const platformStore = {
  /** Removed ones too: environments that are deleted still name them. */
  async find(db: Reader, id: PlatformId): Promise<PlatformRow | null> {
    return (await db.platform.findUnique({ where: { id } })) as PlatformRow | null;
  },

  async findByToken(db: Reader, tokenHash: string): Promise<PlatformRow | null> {
    return (await db.platform.findFirst({ where: { tokenHash, removedAt: null } })) as PlatformRow | null;
  },

  async list(db: Reader): Promise<PlatformRow[]> {
    const rows = await db.platform.findMany({ where: { removedAt: null }, orderBy: { name: 'asc' } });
    return rows as unknown as PlatformRow[];
  },

  async insert(tx: Tx, platform: { name: string; kind: string; tokenHash: string }): Promise<PlatformRow> {
    return (await tx.platform.create({ data: { id: newId('platform'), ...platform } })) as unknown as PlatformRow;
  },

  async upsertLocal(tx: Tx, name: string, tokenHash: string): Promise<void> {
    // Whoever has the token is the platform, under whatever name it had before.
    const renamed = await tx.platform.updateMany({ where: { tokenHash }, data: { name } });
    if (renamed.count > 0) return;
    await tx.platform.upsert({
      where: { name },
      create: { id: newId('platform'), name, kind: 'local', tokenHash },
      update: { tokenHash },
    });
  },

  /** Locks the row against a removal only; false when it is removed. */
  async share(tx: Tx, id: PlatformId): Promise<boolean> {
    const sql = 'SELECT id FROM platforms WHERE id = $1 AND removed_at IS NULL FOR KEY SHARE';
    return (await tx.$queryRawUnsafe<unknown[]>(sql, id)).length > 0;
  },

  /** Locks the row until the transaction ends, so that nothing is put on a platform that is being removed. */
  async lock(tx: Tx, id: PlatformId): Promise<void> {
    await tx.$executeRawUnsafe('SELECT FROM platforms WHERE id = $1 FOR UPDATE', id);
  },

  async setSeen(db: Reader, id: PlatformId, fields: PlatformFields, now: Date): Promise<PlatformRow> {
    const { features, storageClasses, problems, ...plain } = fields;
    return (await db.platform.update({
      where: { id },
      data: {
        ...plain,
        features: json(features),
        storageClasses: json(storageClasses),
        problems,
        lastSeenAt: now,
      },
    })) as unknown as PlatformRow;
  },

  async setApplied(tx: Tx, { id, appliedSettings }: PlatformRow): Promise<void> {
    await tx.platform.update({ where: { id }, data: { appliedSettings: json(appliedSettings) } });
  },

  async setSettings(tx: Tx, id: PlatformId, settings: PlatformSettings): Promise<void> {
    await tx.platform.update({
      where: { id },
      data: { settings: json(settings) as object, settingsVersion: { increment: 1 }, settingsProblem: null },
    });
  },

  async setToken(tx: Tx, id: PlatformId, tokenHash: string): Promise<void> {
    await tx.platform.update({ where: { id }, data: { tokenHash } });
  },

  async setDraining(tx: Tx, id: PlatformId, isDraining: boolean): Promise<void> {
    await tx.platform.update({ where: { id }, data: { isDraining } });
  },

  async setSshHostKeys(tx: Tx, id: PlatformId, sshHostKeys: string[]): Promise<void> {
    await tx.platform.update({ where: { id }, data: { sshHostKeys } });
  },

  /** Its name is free again, and its token opens nothing. */
  async setRemoved(tx: Tx, row: PlatformRow, now: Date): Promise<void> {
    const { id } = row;
    await tx.platform.update({ where: { id }, data: { name: `${row.name}~${id}`, tokenHash: id, removedAt: now } });
  },

  /** Those that were heard of last between these moments. */
  async lastSeenBetween(db: Reader, from: Date, to: Date): Promise<PlatformId[]> {
    const where = { lastSeenAt: { gt: from, lte: to }, removedAt: null };
    const rows = await db.platform.findMany({ where, select: { id: true } });
    return rows.map((row) => row.id as PlatformId);
  },
};
