/** The only file that touches the table `second_factor_rules`. */
import type { Reader, Tx } from '../db.ts';
import { lacksFactorSql } from './lacks-factor.ts';

export const factorPolicyStore = {
  async required(db: Reader): Promise<string[]> {
    const rules = await db.secondFactorRule.findMany({ where: { isRequired: true }, orderBy: { scope: 'asc' } });
    return rules.map(({ scope }) => scope);
  },

  async replace(tx: Tx, scopes: readonly string[]): Promise<void> {
    await tx.secondFactorRule.deleteMany({});
    await tx.secondFactorRule.createMany({ data: scopes.map((scope) => ({ scope, isRequired: true })) });
  },

  /** People who must have a second factor and have none. */
  async lacking(tx: Tx): Promise<string[]> {
    const rows = await tx.$queryRawUnsafe<{ id: string }[]>(
      `SELECT u.id FROM users u WHERE u.kind = 'person' AND u.password_hash IS NOT NULL AND ${lacksFactorSql('u.id')}`,
    );
    return rows.map(({ id }) => id);
  },
};
