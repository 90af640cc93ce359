/**
 * What is shared with somebody of a thing that is another's: a fact of the thing, loaded together with it for the one who
 * asks. `may.ts` reads it; nothing else decides by it.
 */
import type { ShareId } from '@easel/schema/ids';
import { SHARE_ACCESS, type ShareAccess } from '@easel/schema/share';

export interface SharedAccess {
  shareId: ShareId;
  /** For whom it was loaded: it says nothing for anybody else. */
  guestId: string;
  access: ShareAccess;
  /** Of the access `ports`; empty is all of them. */
  ports: readonly number[];
  /** Null lasts until somebody ends it. */
  expiresAt: Date | null;
}

export function isShareAccess(word: string): word is ShareAccess {
  return (SHARE_ACCESS as readonly string[]).includes(word);
}

/** Of what is shared with this user, the share that allows it for the longest; null when none does. */
export function shareThatAllows(
  shares: readonly SharedAccess[] | undefined,
  wish: { guestId: string; access: ShareAccess; port?: number | undefined },
): SharedAccess | null {
  const allowing = (shares ?? []).filter((share) => share.guestId === wish.guestId && allows(share, wish));
  const endOf = ({ expiresAt }: SharedAccess) => expiresAt?.getTime() ?? Number.POSITIVE_INFINITY;
  return allowing.reduce<SharedAccess | null>((best, one) => (best && endOf(best) >= endOf(one) ? best : one), null);
}

function allows(share: SharedAccess, { access, port }: { access: ShareAccess; port?: number | undefined }): boolean {
  if (SHARE_ACCESS.indexOf(share.access) < SHARE_ACCESS.indexOf(access)) return false;
  if (access !== 'ports' || share.access === 'ssh' || share.ports.length === 0) return true;
  return port !== undefined && share.ports.includes(port);
}
