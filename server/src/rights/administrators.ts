/** That somebody administers, always: whatever would leave nobody is not done. */
import { AppError } from '@easel/schema/errors';
import type { UserId } from '@easel/schema/ids';
import type { Reader, Tx } from '../db.ts';

/** People who can come in and have the system role, by themselves or by a group; the release before locks these rows, too. */
const ADMINISTRATORS_SQL = `
  SELECT u.id FROM users u WHERE u.disabled_at IS NULL AND u.kind = 'person' AND (u.is_administrator OR EXISTS (
    SELECT FROM group_members gm JOIN role_grants g ON g.group_id = gm.group_id
    WHERE gm.user_id = u.id AND g.role = 'administrator' AND g.namespace_id IS NULL))
  ORDER BY u.id`;
/** Any number that nothing else in this database locks: one change after the other, so that two at once see each other. */
const LOCK_SQL = `SELECT pg_advisory_xact_lock(72707370)::text`;

/** Everybody who administers, at this moment. */
export async function administrators(db: Reader): Promise<UserId[]> {
  return (await db.$queryRawUnsafe<{ id: UserId }[]>(ADMINISTRATORS_SQL)).map(({ id }) => id);
}

/** Everybody who administers. Nobody else changes who does until the end of the transaction. */
export async function lockAdministrators(tx: Tx): Promise<UserId[]> {
  await tx.$queryRawUnsafe(LOCK_SQL);
  return (await tx.$queryRawUnsafe<{ id: UserId }[]>(`${ADMINISTRATORS_SQL} FOR UPDATE OF u`)).map(({ id }) => id);
}

/** Does the work, and undoes the transaction with WRONG_STATE when nobody could administer after it. */
export async function keepingAdministrators<T>(tx: Tx, work: () => Promise<T>): Promise<T> {
  const before = await lockAdministrators(tx);
  const result = await work();
  if (before.length === 0 || (await lockAdministrators(tx)).length > 0) return result;
  const message = 'without this nobody could administer any more: make somebody else an administrator first';
  throw new AppError({ code: 'WRONG_STATE', message });
}
