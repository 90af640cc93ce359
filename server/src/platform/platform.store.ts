/** The only file that touches the table `platforms`. */
import { newId, type PlatformId } from '@easel/schema/ids';
import type { Reader, Tx } from '../db.ts';
import type { Platform } from '../generated/prisma/client.ts';

export type PlatformRow = Omit<Platform, 'id'> & { id: PlatformId };

/** What a scheduler says of its platform with each heartbeat. */
export type PlatformFields = Pick<
  PlatformRow,
  'version' | 'kind' | 'runtime' | 'relayUrl' | 'workerRelayUrl' | 'sshHost' | 'sshPort' | 'notice' | 'isIsolated'
>;

export const platformStore = {
  async find(db: Reader, id: PlatformId): Promise<PlatformRow | null> {
    return (await db.platform.findUnique({ where: { id } })) as PlatformRow | null;
  },

  async findByToken(db: Reader, tokenHash: string): Promise<PlatformRow | null> {
    return (await db.platform.findUnique({ where: { tokenHash } })) as PlatformRow | null;
  },

  async list(db: Reader): Promise<PlatformRow[]> {
    return (await db.platform.findMany({ orderBy: { name: 'asc' } })) as PlatformRow[];
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

  async setSeen(db: Reader, id: PlatformId, fields: PlatformFields, now: Date): Promise<PlatformRow> {
    return (await db.platform.update({ where: { id }, data: { ...fields, lastSeenAt: now } })) as PlatformRow;
  },
};
