/** The only file that touches the table `instance_types`. */
import { type InstanceTypeId, newId } from '@easel/schema/ids';
import type { InstanceTypeSpec } from '@easel/schema/instance-type';
import type { Reader, Tx } from '../db.ts';
import type { Prisma } from '../generated/prisma/client.ts';
import type { InstanceTypeRow } from './instance-type-row.ts';

function columnsOf(spec: InstanceTypeSpec) {
  return { name: spec.name, spec: spec as Prisma.InputJsonObject };
}

export const instanceTypeStore = {
  async find(db: Reader, id: InstanceTypeId): Promise<InstanceTypeRow | null> {
    return (await db.instanceType.findFirst({ where: { id, deletedAt: null } })) as InstanceTypeRow | null;
  },

  async list(db: Reader): Promise<InstanceTypeRow[]> {
    return (await db.instanceType.findMany({
      where: { deletedAt: null },
      orderBy: { name: 'asc' },
    })) as unknown as InstanceTypeRow[];
  },

  /** Deleted ones count too: the first ones that somebody has deleted do not come back. */
  countEver(db: Reader): Promise<number> {
    return db.instanceType.count();
  },

  async insert(tx: Tx, spec: InstanceTypeSpec): Promise<InstanceTypeRow> {
    const data = { id: newId('instanceType'), ...columnsOf(spec) };
    return (await tx.instanceType.create({ data })) as unknown as InstanceTypeRow;
  },

  /** For replicas that start at the same moment: what is there already stays. */
  async insertMissing(tx: Tx, specs: readonly InstanceTypeSpec[]): Promise<void> {
    const data = specs.map((spec) => ({ id: newId('instanceType'), ...columnsOf(spec) }));
    await tx.instanceType.createMany({ data, skipDuplicates: true });
  },

  async update(tx: Tx, row: InstanceTypeRow, spec: InstanceTypeSpec): Promise<boolean> {
    const { count } = await tx.instanceType.updateMany({
      where: { id: row.id, version: row.version, deletedAt: null },
      data: { ...columnsOf(spec), version: { increment: 1 } },
    });
    return count === 1;
  },

  async setDeleted(tx: Tx, id: InstanceTypeId, now: Date): Promise<void> {
    await tx.instanceType.updateMany({ where: { id, deletedAt: null }, data: { deletedAt: now } });
  },

  /** Environments of each that are not deleted; a type without one is not in the map. */
  async environmentCounts(db: Reader, ids: readonly string[]): Promise<Map<string, number>> {
    const groups = await db.environment.groupBy({
      by: ['instanceTypeId'],
      where: { instanceTypeId: { in: [...ids] }, phase: { not: 'deleted' } },
      _count: { _all: true },
    });
    return new Map(groups.map((group) => [group.instanceTypeId ?? '', group._count._all]));
  },
};
