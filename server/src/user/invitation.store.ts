/** The only file that touches the table `invitations`. */
import { newId } from '@easel/schema/ids';
import type { Reader, Tx } from '../db.ts';
import type { Invitation } from '../generated/prisma/client.ts';

type New = Pick<
  Invitation,
  | 'codeHash'
  | 'mailCodeHash'
  | 'name'
  | 'email'
  | 'systemRole'
  | 'role'
  | 'namespaceId'
  | 'groupIds'
  | 'invitedById'
  | 'createdAt'
  | 'expiresAt'
>;

const isOpen = (now: Date) => ({ endedAt: null, expiresAt: { gt: now } });

const withCode = (codeHash: string) => ({ OR: [{ codeHash }, { mailCodeHash: codeHash }] });

export const invitationStore = {
  insert(tx: Tx, invitation: New): Promise<Invitation> {
    return tx.invitation.create({ data: { id: newId('invitation'), ...invitation } });
  },

  /** Open ones, the newest first. */
  list(db: Reader, now: Date): Promise<Invitation[]> {
    return db.invitation.findMany({ where: isOpen(now), orderBy: [{ createdAt: 'desc' }, { id: 'desc' }] });
  },

  countOpen(db: Reader, now: Date): Promise<number> {
    return db.invitation.count({ where: isOpen(now) });
  },

  /** By the code that was shown, or the one that was mailed. */
  findOpen(
    db: Reader,
    codeHash: string,
    now: Date,
  ): Promise<(Invitation & { invitedBy: { name: string; login: string } }) | null> {
    const include = { invitedBy: { select: { name: true, login: true } } };
    return db.invitation.findFirst({ where: { ...withCode(codeHash), ...isOpen(now) }, include });
  },

  /** Ends an open one and gives it; null when there is none. One of several at once gets it. */
  async end(tx: Tx, which: { id: string } | { codeHash: string }, now: Date): Promise<Invitation | null> {
    const where = { ...('id' in which ? which : withCode(which.codeHash)), ...isOpen(now) };
    const [row] = await tx.invitation.updateManyAndReturn({ where, data: { endedAt: now } });
    return row ?? null;
  },
};
