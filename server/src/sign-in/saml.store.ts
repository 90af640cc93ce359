/** The only file that touches the tables `saml_modules` and `saml_assertions`. */
import type { Reader, Tx } from '../db.ts';
import { Prisma, type SamlModule } from '../generated/prisma/client.ts';
import type { ProviderMetadata } from './saml-metadata.ts';

export const samlStore = {
  find(db: Reader, moduleId: string): Promise<SamlModule | null> {
    return db.samlModule.findUnique({ where: { moduleId } });
  },

  /** Two at once: one of them wins, and both find the same afterwards. */
  async insertKey(db: Reader, row: { moduleId: string; sealedKey: string; certificate: string }): Promise<void> {
    await db.samlModule.createMany({ data: row, skipDuplicates: true });
  },

  async setMetadata(
    db: Reader,
    moduleId: string,
    read: { metadata: ProviderMetadata; url: string; now: Date },
  ): Promise<void> {
    const { metadata, url: metadataUrl, now } = read;
    await db.samlModule.update({
      where: { moduleId },
      data: {
        metadata: metadata as unknown as Prisma.InputJsonObject,
        metadataUrl,
        fetchedAt: now,
        checkedAt: now,
        problem: null,
      },
    });
  },

  /** The last good copy stays; one of another address does not. */
  async setProblem(
    db: Reader,
    moduleId: string,
    seen: { url: string; problem: string; hasCopy: boolean; now: Date },
  ): Promise<void> {
    const { url: metadataUrl, problem, hasCopy, now: checkedAt } = seen;
    const copy = hasCopy ? {} : { metadata: Prisma.DbNull, fetchedAt: null };
    await db.samlModule.update({ where: { moduleId }, data: { metadataUrl, problem, checkedAt, ...copy } });
  },

  /** False when this assertion was seen before. */
  async insertAssertion(tx: Tx, idHash: string, expiresAt: Date): Promise<boolean> {
    const { count } = await tx.samlAssertion.createMany({ data: { idHash, expiresAt }, skipDuplicates: true });
    return count === 1;
  },

  async sweepAssertions(db: Reader, now: Date): Promise<void> {
    await db.samlAssertion.deleteMany({ where: { expiresAt: { lt: now } } });
  },
};
