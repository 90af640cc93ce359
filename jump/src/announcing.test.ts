import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fakeClock } from '@easel/kit/fake-clock';
import { silentLog } from '@easel/kit/log';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { announceHostKeys, publicKeysOf } from './announcing.ts';
import { openHostKeys } from './host-keys.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'easel-jump-keys-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it('says each key once, as known_hosts has it, and the same after a restart', () => {
  const keys = publicKeysOf(openHostKeys(folder));
  expect(keys).toHaveLength(2);
  expect(keys[0]).toMatch(/^ssh-ed25519 AAAAC3NzaC1lZDI1NTE5[A-Za-z0-9+/]+$/);
  expect(keys[1]).toMatch(/^ssh-rsa AAAAB3NzaC1yc2E[A-Za-z0-9+/]+={0,2}$/);
  expect(publicKeysOf(openHostKeys(folder))).toEqual(keys);
});

it('tells them at once, tries again when the server is away, and once a minute', async () => {
  const clock = fakeClock();
  const ending = new AbortController();
  const hostKeys = openHostKeys(folder);
  const query = vi.fn(async () => ({}) as never);
  query.mockRejectedValueOnce(new Error('away'));
  const announcing = announceHostKeys({ api: { query }, hostKeys, signal: ending.signal, log: silentLog, clock });
  await vi.waitFor(() => expect(query).toHaveBeenCalledTimes(1));
  expect(query).toHaveBeenCalledWith(
    expect.stringContaining('jumpHeartbeat'),
    { input: { sshHostKeys: publicKeysOf(hostKeys) } },
    expect.anything(),
  );
  for (const calls of [2, 3]) {
    await clock.advance(60_000);
    await vi.waitFor(() => expect(query).toHaveBeenCalledTimes(calls));
  }
  ending.abort();
  await announcing;
});
