import type { UserId } from '@easel/schema/ids';
import type { Reader } from '../db.ts';
import { mayEnterSql } from '../rights/scopes.ts';

/** Workers that have been told once remember it: an hour covers one that was away. */
const TOLD_FOR = "interval '1 hour'";

/**
 * Ids of these users' sessions and API tokens that have ended within the last hour; all tokens of a user who is disabled, and those
 * whose scopes do not let them enter, or no longer.
 * What came in by one of them is cut.
 */
export async function revokedCredentials(db: Reader, userIds: readonly UserId[]): Promise<string[]> {
  const rows = await db.$queryRawUnsafe<{ id: string }[]>(
    `SELECT id FROM sessions WHERE user_id = ANY($1) AND (revoked_at > now() - ${TOLD_FOR}
       OR expires_at BETWEEN now() - ${TOLD_FOR} AND now())
     UNION ALL
     SELECT t.id FROM api_tokens t JOIN users u ON u.id = t.user_id WHERE t.user_id = ANY($1)
       AND (t.revoked_at > now() - ${TOLD_FOR} OR t.expires_at BETWEEN now() - ${TOLD_FOR} AND now()
         OR (u.disabled_at IS NOT NULL AND t.revoked_at IS NULL)
         OR (t.revoked_at IS NULL AND NOT ${mayEnterSql('t.scopes')}))
     ORDER BY id`,
    [...userIds],
  );
  return rows.map(({ id }) => id);
}
