/** By what somebody comes in: what a ticket must name, so that its end cuts what was opened with it. */
import type { ClientTicket } from '@easel/schema/wire/ticket';
import type { UserActor } from '../actor.ts';
import type { SeenEnvironment } from '../environment/environment-row.ts';
import { may, shareFor } from '../rights/may.ts';
import type { SharedAccess } from '../rights/shared-access.ts';
import { guestCredential } from '../share/shared-with.service.ts';

export type WayIn = { act: 'environment.enter' } | { act: 'environment.reach'; port: number };

export interface Entry {
  claims: Pick<ClientTicket, 'environmentId' | 'userId' | 'credentialId' | 'guest'> & { credentialId: string };
  /** Null for the owner. */
  share: SharedAccess | null;
}

/** Null when the actor may not come in this way. */
export function entryBy(actor: UserActor, { act, ...way }: WayIn, row: SeenEnvironment): Entry | null {
  const thing = { ...row, ...way };
  if (!may(actor, act, thing)) return null;
  const { userId, credential } = actor;
  const environmentId = row.id;
  if (row.ownerId === userId) return { claims: { environmentId, userId, credentialId: credential.id }, share: null };
  const share = shareFor(actor, act, thing);
  if (!share) return null;
  const untilMs = share.expiresAt?.getTime() ?? null;
  return {
    claims: {
      environmentId,
      userId,
      credentialId: guestCredential(share.shareId, userId),
      guest: { credentialId: credential.id, untilMs },
    },
    share,
  };
}
