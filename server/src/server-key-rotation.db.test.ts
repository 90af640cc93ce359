import { createCipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { Secret } from '@easel/kit/config';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { hostKeyPurpose } from './environment/manifest.ts';
import { openServer, suiteDatabase, type TestServer } from './http/server.kit.ts';
import { ServerKey } from './server-key.ts';
import { rotateServerKey } from './server-key-rotation.ts';

const [first, second] = [new Secret('ab'.repeat(32)), new Secret('cd'.repeat(32))];
let server: TestServer;
beforeAll(async () => {
  server = await openServer(suiteDatabase());
});
afterAll(() => server.close());

/** As the release before envelopes has sealed. */
function sealDirectly(text: string, purpose: string): string {
  const key = Buffer.from(hkdfSync('sha256', Buffer.from(first.reveal(), 'hex'), '', 'easel/seal', 32));
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(purpose));
  const body = Buffer.concat([nonce, cipher.update(text), cipher.final(), cipher.getAuthTag()]);
  return `v1.${body.toString('base64url')}`;
}

it('puts everything that is sealed under the new key, wherever it lies, and changes nothing else', async () => {
  const owner = await server.newUser();
  const { id } = await server.app.services.environments.create(owner, { name: 'sealed' });
  const old = await server.app.services.environments.create(owner, { name: 'old' });
  await server.db.environment.update({
    where: { id: old.id },
    data: { sshHostKey: sealDirectly('a key', hostKeyPurpose(old.id)) },
  });
  const module = await server.app.services.signInModules.create(server.administrator, {
    name: 'm',
    secret: 'canary',
    settings: { kind: 'oidc', issuer: 'https://id.example.com', clientId: 'a' },
  });
  // Somebody who writes what looks like it into a text of his own.
  const forged = `v2.00000000.${'A'.repeat(80)}.AAAA`;
  await server.db.user.update({ where: { id: owner.userId }, data: { name: forged } });

  const url = suiteDatabase();
  const done = await rotateServerKey(url, new ServerKey(second, [first]));
  // Two host keys, the module's secret and the key of the tickets at least.
  expect(done.rewrapped).toBeGreaterThanOrEqual(4);
  expect(done.unknown).toEqual({ 'users.name': 1 });
  const again = await rotateServerKey(url, new ServerKey(second));
  expect(again).toEqual({ rewrapped: 0, present: done.rewrapped, unknown: { 'users.name': 1 } });

  const opener = new ServerKey(second);
  const rows = await server.db.environment.findMany({ where: { ownerId: owner.userId }, orderBy: { id: 'asc' } });
  expect(opener.open(rows[0]?.sshHostKey ?? '', hostKeyPurpose(id))).toContain('PRIVATE KEY');
  expect(opener.open(rows[1]?.sshHostKey ?? '', hostKeyPurpose(old.id))).toBe('a key');
  const { secret } = await server.db.signInModule.findUniqueOrThrow({ where: { id: module.id } });
  expect(opener.open(secret ?? '', `sign_in_modules.secret ${module.id}`)).toBe('canary');
  expect((await server.db.user.findUniqueOrThrow({ where: { id: owner.userId } })).name).toBe(forged);
});
