/** The only file that touches the table `templates`. */
import { type NamespaceId, newId, type TemplateId } from '@easel/schema/ids';
import type { TemplateSpec } from '@easel/schema/template';
import type { Reader, Tx } from '../db.ts';
import type { Prisma } from '../generated/prisma/client.ts';
import type { TemplateRow } from './template-row.ts';

function columnsOf(spec: TemplateSpec) {
  const { repository, env, scripts, sidecars, ...plain } = spec;
  return {
    ...plain,
    repositoryUrl: repository.url,
    branch: repository.branch,
    env: env as Prisma.InputJsonObject,
    scripts: scripts as Prisma.InputJsonObject,
    sidecars: sidecars as unknown as Prisma.InputJsonArray,
  };
}

export const templateStore = {
  async find(db: Reader, id: TemplateId): Promise<TemplateRow | null> {
    return (await db.template.findFirst({ where: { id, deletedAt: null } })) as TemplateRow | null;
  },

  /** At most one in each namespace. */
  async named(db: Reader, name: string): Promise<TemplateRow[]> {
    return (await db.template.findMany({ where: { name, deletedAt: null } })) as TemplateRow[];
  },

  async list(db: Reader, namespaceIds: readonly NamespaceId[], limit: number): Promise<TemplateRow[]> {
    return (await db.template.findMany({
      where: { namespaceId: { in: [...namespaceIds] }, deletedAt: null },
      orderBy: { name: 'asc' },
      take: limit,
    })) as TemplateRow[];
  },

  /** Deleted ones count too: the sample that somebody has deleted does not come back. */
  countEver(db: Reader, namespaceId: NamespaceId): Promise<number> {
    return db.template.count({ where: { namespaceId } });
  },

  async insert(tx: Tx, namespaceId: NamespaceId, spec: TemplateSpec): Promise<TemplateRow> {
    return (await tx.template.create({
      data: { id: newId('template'), namespaceId, ...columnsOf(spec) },
    })) as unknown as TemplateRow;
  },

  async update(tx: Tx, row: TemplateRow, spec: TemplateSpec): Promise<boolean> {
    const { count } = await tx.template.updateMany({
      where: { id: row.id, version: row.version, deletedAt: null },
      data: { ...columnsOf(spec), version: { increment: 1 } },
    });
    return count === 1;
  },

  async setDeleted(tx: Tx, id: TemplateId, now: Date): Promise<void> {
    await tx.template.updateMany({ where: { id, deletedAt: null }, data: { deletedAt: now } });
  },

  /** Environments of each template that are not deleted; a template without one is not in the map. */
  async environmentCounts(db: Reader, ids: readonly string[]): Promise<Map<string, number>> {
    const groups = await db.environment.groupBy({
      by: ['templateId'],
      where: { templateId: { in: [...ids] }, phase: { not: 'deleted' } },
      _count: { _all: true },
    });
    return new Map(groups.map((group) => [group.templateId ?? '', group._count._all]));
  },
};
