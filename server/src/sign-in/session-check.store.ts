/**
 * The only file that touches the table `session_checks`: what a session's provider is asked with, and when that was last done.
 * Whoever looks has claimed the row before, so that no token is used twice, on however many replicas.
 */
import type { UserId } from '@easel/schema/ids';
import type { Reader, Tx } from '../db.ts';

export interface KeptOfProvider {
  refreshToken: string | null;
  accessToken: string | null;
  accessUntilMs: number;
  /** `sid` of an OpenID provider. */
  providerSession: string | null;
}

export interface SessionCheckRow {
  sessionId: string;
  userId: UserId;
  moduleId: string;
  subject: string;
  sealed: string | null;
}

/** Sessions that were used within this are looked at all the time. */
const IN_USE = "interval '12 hours'";
/** With the turn of the sweep and its answer: less than 45 seconds. */
const EVERY = "interval '30 seconds'";
const EVERY_IDLE = "interval '10 minutes'";

export const sessionCheckStore = {
  async insert(tx: Tx, row: Omit<SessionCheckRow, 'userId'> & { providerSession: string | null }): Promise<void> {
    await tx.sessionCheck.create({ data: row });
  },

  /** Takes those whose turn it is, the longest waiting first. Nobody else gets them until their next turn. */
  claim(db: Reader, limit: number): Promise<SessionCheckRow[]> {
    return db.$queryRawUnsafe<SessionCheckRow[]>(
      `UPDATE session_checks c SET checked_at = now() FROM sessions s
       WHERE s.id = c.session_id AND c.session_id IN (
         SELECT d.session_id FROM session_checks d JOIN sessions t ON t.id = d.session_id
         WHERE t.revoked_at IS NULL AND t.expires_at > now() AND d.checked_at < now() - CASE
           WHEN greatest(t.last_used_at, t.created_at) > now() - ${IN_USE} THEN ${EVERY} ELSE ${EVERY_IDLE} END
         ORDER BY d.checked_at LIMIT $1 FOR UPDATE OF d SKIP LOCKED)
       RETURNING c.session_id AS "sessionId", s.user_id AS "userId", c.module_id AS "moduleId", c.subject, c.sealed`,
      limit,
    );
  },

  async setSealed(db: Reader, sessionId: string, sealed: string): Promise<void> {
    await db.sessionCheck.updateMany({ where: { sessionId }, data: { sealed } });
  },

  /** Users with sessions of this module, by the provider's session or, without one, by subject. */
  async usersOf(
    db: Reader,
    moduleId: string,
    of: { providerSession: string | null; subject: string | null },
  ): Promise<UserId[]> {
    const { providerSession, subject } = of;
    const where =
      providerSession === null ? { subject: subject ?? '' } : { providerSession, ...(subject ? { subject } : {}) };
    const rows = await db.sessionCheck.findMany({
      where: { moduleId, ...where },
      select: { session: { select: { userId: true } } },
    });
    return [...new Set(rows.map(({ session }) => session.userId as UserId))];
  },
};

/** What `sealed` of this row is sealed for. */
export function checkPurpose(sessionId: string): string {
  return `session_checks.sealed ${sessionId}`;
}
