import { fakeClock } from '@easel/kit/fake-clock';
import { newId } from '@easel/schema/ids';
import { expect, it } from 'vitest';
import { Entry } from './entry.ts';

const day = 86_400_000;
const key = (expiresAtMs?: number) => ({
  publicKey: `ssh-ed25519 ${newId('sshKey')}`,
  userId: newId('user'),
  id: newId('sshKey'),
  ...(expiresAtMs === undefined ? {} : { expiresAt: new Date(expiresAtMs).toISOString() }),
});
const news = (authorizedKeys: ReturnType<typeof key>[], revokedCredentials: string[] = []) => ({
  authorizedKeys,
  revokedCredentials,
  certificateAuthorities: [],
});

it('lets keys in until the very moment when they expire, also in a far future', async () => {
  const clock = fakeClock(1_000);
  const [soon, late, never] = [key(2_000), key(40 * day), key()];
  const seen: number[] = [];
  const entry: Entry = new Entry(clock, () => void seen.push(entry.keys.length));
  entry.set(news([soon, late, never]));
  expect(seen).toEqual([3]);
  await clock.advance(999);
  expect(entry.isGood(soon.id)).toBe(true);
  await clock.advance(1);
  expect(seen).toEqual([3, 2]);
  expect(entry.isGood(soon.id)).toBe(false);
  await clock.advance(40 * day);
  expect(entry.keys).toEqual([never]);
  expect(clock.pending).toBe(0);
});

it('knows sessions and tokens as good until they are told to have ended', () => {
  const clock = fakeClock();
  const entry = new Entry(clock, () => undefined);
  const [ended, other] = [newId('session'), newId('apiToken')];
  entry.set(news([key(5_000)], [ended]));
  expect([ended, other].map((id) => entry.isGood(id))).toEqual([false, true]);
  entry.close();
  expect(clock.pending).toBe(0);
});
