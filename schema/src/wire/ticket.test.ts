import { exportJWK, generateKeyPair, type JWK, SignJWT, UnsecuredJWT } from 'jose';
import { beforeAll, expect, it } from 'vitest';
import { AppError } from '../errors.ts';
import { newId } from '../ids.ts';
import { signTicket, TICKET_ISSUER, verifyTicket } from './ticket.ts';

async function newKey(kid: string): Promise<{ privateJwk: JWK; publicJwk: JWK }> {
  const pair = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  const about = { kid, alg: 'EdDSA' };
  return {
    privateJwk: { ...(await exportJWK(pair.privateKey)), ...about },
    publicJwk: { ...(await exportJWK(pair.publicKey)), ...about },
  };
}

const environmentId = newId('environment');
const client = {
  kind: 'client',
  jti: newId('ticket'),
  environmentId,
  userId: newId('user'),
  target: { kind: 'port', port: 8080 },
} as const;
const worker = {
  kind: 'worker',
  jti: newId('ticket'),
  environmentId,
  workerId: newId('worker'),
  generation: 2,
} as const;

let ours: Awaited<ReturnType<typeof newKey>>;
let theirs: Awaited<ReturnType<typeof newKey>>;
beforeAll(async () => {
  ours = await newKey('a');
  theirs = await newKey('a');
});

const keys = () => ({ keys: [ours.publicJwk] });

async function refusal(promise: Promise<unknown>): Promise<AppError> {
  const err = await promise.then(
    () => null,
    (err: unknown) => err,
  );
  expect(err).toBeInstanceOf(AppError);
  return err as AppError;
}

it('gives the claims of a ticket that was signed with a known key', async () => {
  expect(await verifyTicket('client', await signTicket(client, ours.privateJwk, 60), keys())).toMatchObject(client);
  expect(await verifyTicket('worker', await signTicket(worker, ours.privateJwk, 60), keys())).toMatchObject(worker);
});

it('takes the right one of several keys', async () => {
  const second = await newKey('b');
  const token = await signTicket(client, second.privateJwk, 60);
  expect(await verifyTicket('client', token, { keys: [ours.publicJwk, second.publicJwk] })).toMatchObject(client);
});

it('refuses a ticket that has expired, and says so', async () => {
  const err = await refusal(verifyTicket('client', await signTicket(client, ours.privateJwk, -1), keys()));
  expect(err).toMatchObject({ code: 'TICKET_INVALID', message: 'the ticket has expired: ask for a new one' });
});

it('refuses a ticket of the other kind', async () => {
  await refusal(verifyTicket('worker', await signTicket(client, ours.privateJwk, 60), keys()));
  await refusal(verifyTicket('client', await signTicket(worker, ours.privateJwk, 60), keys()));
});

it('refuses another signature, another issuer, no signature and a changed claim', async () => {
  await refusal(verifyTicket('client', await signTicket(client, theirs.privateJwk, 60), keys()));
  const exp = Math.floor(Date.now() / 1000) + 60;
  const foreign = await new SignJWT({ ...client, exp })
    .setProtectedHeader({ alg: 'EdDSA', kid: 'a' })
    .setIssuer('somebody')
    .setAudience('client')
    .sign(ours.privateJwk);
  await refusal(verifyTicket('client', foreign, keys()));
  const unsigned = new UnsecuredJWT({ ...client, exp }).setIssuer(TICKET_ISSUER).setAudience('client').encode();
  await refusal(verifyTicket('client', unsigned, keys()));
  const [head, , signature] = (await signTicket(client, ours.privateJwk, 60)).split('.');
  const changed = Buffer.from(
    JSON.stringify({ ...client, exp, iss: TICKET_ISSUER, aud: 'client', environmentId: newId('environment') }),
  ).toString('base64url');
  await refusal(verifyTicket('client', `${head}.${changed}.${signature}`, keys()));
});

it('refuses the public key used as a shared secret', async () => {
  const exp = Math.floor(Date.now() / 1000) + 60;
  const forged = await new SignJWT({ ...client, exp })
    .setProtectedHeader({ alg: 'HS256', kid: 'a' })
    .setIssuer(TICKET_ISSUER)
    .setAudience('client')
    .sign(Buffer.from(ours.publicJwk.x ?? '', 'base64url'));
  await refusal(verifyTicket('client', forged, keys()));
});

it.each(['', 'a.b.c', '....', 'null', 'x'.repeat(10_000)])('refuses %j', async (token) => {
  expect((await refusal(verifyTicket('client', token, keys()))).code).toBe('TICKET_INVALID');
});

it('refuses a ticket whose claims have another shape', async () => {
  const odd = { ...client, target: { kind: 'port', port: 0 } } as unknown as typeof client;
  await refusal(verifyTicket('client', await signTicket(odd, ours.privateJwk, 60), keys()));
});
