/** A share in words. */
import type { Share } from '#lib/operations/shares.ts';
import { texts } from '#lib/texts.ts';

export function guestOf({ user, group }: Pick<Share, 'user' | 'group'>): string {
  return user?.login ?? (group ? texts.sharing.groupNamed(group.name) : texts.sharing.groupGone);
}

/** `sees it`, `ports 3000 and 8080`, `SSH`. */
export function shareText({ access, ports }: Pick<Share, 'access' | 'ports'>): string {
  if (access !== 'ports') return texts.sharing.accessShort[access];
  return ports.length === 0 ? texts.sharing.accessShort.ports : texts.sharing.somePorts(ports);
}
