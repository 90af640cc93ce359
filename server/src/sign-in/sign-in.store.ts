/** The only file that touches the tables `sign_in_modules`, `identities` and `sign_in_requests`. */
import { newId, type UserId } from '@easel/schema/ids';
import type { Reader, Tx } from '../db.ts';
import type { Identity, Prisma, SignInModule, SignInRequest } from '../generated/prisma/client.ts';
import type { ModuleSettings } from './module-settings.ts';

interface Fields {
  name: string;
  isEnabled: boolean;
  settings: ModuleSettings;
  /** Sealed; left out, the present one stays. */
  secret?: string;
}

function columnsOf({ kind, ...settings }: ModuleSettings): { kind: string; settings: Prisma.InputJsonObject } {
  return { kind, settings };
}

export const signInStore = {
  list(db: Reader): Promise<SignInModule[]> {
    return db.signInModule.findMany({ orderBy: [{ position: 'asc' }, { id: 'asc' }] });
  },

  find(db: Reader, id: string): Promise<SignInModule | null> {
    return db.signInModule.findUnique({ where: { id } });
  },

  /** As the last one. */
  async insert(tx: Tx, id: string, fields: Fields): Promise<SignInModule> {
    const { settings, ...plain } = fields;
    const { _max: last } = await tx.signInModule.aggregate({ _max: { position: true } });
    const position = (last.position ?? -1) + 1;
    return tx.signInModule.create({ data: { id, ...plain, position, ...columnsOf(settings) } });
  },

  async update(tx: Tx, row: SignInModule, fields: Fields): Promise<boolean> {
    const { settings, ...plain } = fields;
    const { count } = await tx.signInModule.updateMany({
      where: { id: row.id, version: row.version },
      data: { ...plain, ...columnsOf(settings), version: { increment: 1 } },
    });
    return count === 1;
  },

  /**
   * The ids in their order, held until the end of the transaction: two that move one at once do not mix. A second statement
   * reads the order, since the one that waits for the locks has sorted before it waited.
   */
  async lockOrder(tx: Tx): Promise<string[]> {
    await tx.$executeRawUnsafe('SELECT FROM sign_in_modules ORDER BY id FOR UPDATE');
    return (await this.list(tx)).map(({ id }) => id);
  },

  async setOrder(tx: Tx, ids: readonly string[]): Promise<void> {
    for (const [position, id] of ids.entries()) await tx.signInModule.update({ where: { id }, data: { position } });
  },

  async delete(tx: Tx, id: string): Promise<void> {
    await tx.signInModule.deleteMany({ where: { id } });
  },

  newId(): string {
    return newId('signInModule');
  },

  /** `linkUserId` is left out for a sign-in. */
  async insertRequest(
    db: Reader,
    request: Omit<SignInRequest, 'linkUserId'> & { linkUserId?: string | null },
  ): Promise<void> {
    await db.signInRequest.create({ data: request });
  },

  /** Uses it up: whoever comes with the same state again finds nothing. */
  async takeRequest(tx: Tx, stateHash: string, now: Date): Promise<SignInRequest | null> {
    const row = await tx.signInRequest.findFirst({ where: { stateHash, expiresAt: { gt: now } } });
    if (!row) return null;
    const { count } = await tx.signInRequest.deleteMany({ where: { stateHash } });
    return count === 1 ? row : null;
  },

  async sweepRequests(db: Reader, now: Date): Promise<void> {
    await db.signInRequest.deleteMany({ where: { expiresAt: { lt: now } } });
  },

  findIdentity(db: Reader, moduleId: string, subject: string): Promise<Identity | null> {
    return db.identity.findUnique({ where: { moduleId_subject: { moduleId, subject } } });
  },

  async hasIdentity(db: Reader, userId: string): Promise<boolean> {
    return (await db.identity.count({ where: { userId, module: { isEnabled: true } } })) > 0;
  },

  identitiesOf(db: Reader, userId: UserId): Promise<(Identity & { module: SignInModule })[]> {
    return db.identity.findMany({
      where: { userId },
      include: { module: true },
      orderBy: [{ createdAt: 'asc' }, { moduleId: 'asc' }],
    });
  },

  async deleteIdentity(tx: Tx, of: { moduleId: string; subject: string; userId: UserId }): Promise<boolean> {
    return (await tx.identity.deleteMany({ where: of })).count === 1;
  },

  async insertIdentity(
    tx: Tx,
    identity: { moduleId: string; subject: string; userId: UserId; email: string | null },
  ): Promise<void> {
    await tx.identity.create({ data: identity });
  },

  async setUsed(tx: Tx, moduleId: string, subject: string, seen: { email: string | null; now: Date }): Promise<void> {
    const { email, now: lastUsedAt } = seen;
    await tx.identity.update({ where: { moduleId_subject: { moduleId, subject } }, data: { email, lastUsedAt } });
  },
};
