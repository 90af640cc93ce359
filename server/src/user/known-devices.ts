/**
 * Sign-ins from a browser that a user has not signed in with before: he is told. A browser is known by a cookie of its own,
 * which says nothing but that it is the same one: addresses change with every train.
 */
import type { UserId } from '@easel/schema/ids';
import { type Db, reading, type Tx } from '../db.ts';
import type { NotificationService } from '../notification/notification.service.ts';
import { hashSecret } from '../secrets.ts';
import { knownDeviceStore } from './mail-code.store.ts';
import type { Device } from './session.service.ts';

/** Whoever has not been here for longer is told again. */
export const DEVICE_DAYS = 400;

export class KnownDevices {
  readonly #notifications: Pick<NotificationService, 'tell'>;

  constructor(parts: { notifications: Pick<NotificationService, 'tell'> }) {
    this.#notifications = parts.notifications;
  }

  /** In the transaction that opens the session. The first browser of all is the user's own. */
  async signedIn(tx: Tx, userId: UserId, used: { secret: string; from: Device; now: Date }): Promise<void> {
    const { secret, from, now } = used;
    const { isKnown, hasOthers } = await knownDeviceStore.use(tx, { userId, deviceHash: hashSecret(secret), now });
    if (isKnown || !hasOthers) return;
    await this.#notifications.tell(tx, {
      userId,
      kind: 'newDevice',
      values: {
        device: from.userAgent ?? 'an unknown browser',
        address: from.address || 'an unknown address',
        when: now.toISOString(),
      },
    });
  }

  sweep(db: Db, now: Date): Promise<void> {
    return reading(() => knownDeviceStore.sweep(db, new Date(now.getTime() - DEVICE_DAYS * 86_400_000)));
  }
}
