/**
 * Tickets: signed, expiring, for one environment and one target. The server signs with Ed25519 (EdDSA, RFC 8037); relay and
 * worker check offline with the key set that the server publishes at `/.well-known/easel/ticket-keys`.
 */
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWK, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import { AppError } from '../errors.ts';
import { idSchema } from '../ids.ts';

export const TICKET_ISSUER = 'easel';
export const TICKET_KEYS_PATH = '/.well-known/easel/ticket-keys';
/** How long a client has to dial with its ticket; an open stream outlives it. */
export const CLIENT_TICKET_SECONDS = 300;
/** How long a worker may wait at the relay before it needs a new token. */
export const WORKER_TICKET_SECONDS = 3600;

export const targetSchema = z.discriminatedUnion('kind', [
  /** A TCP port on the dev container's own loopback. */
  z.object({ kind: z.literal('port'), port: z.number().int().min(1).max(65_535) }),
  /**
   * The worker's SSH side. `ticket`: whoever holds it is let in without a key (the jump has checked the key);
   * `publickey`: the worker checks the user's key itself (end to end, `ssh -J`).
   */
  z.object({ kind: z.literal('ssh'), auth: z.enum(['ticket', 'publickey']) }),
]);
export type Target = z.infer<typeof targetSchema>;

const common = { jti: z.string(), exp: z.number().int(), environmentId: idSchema('environment') };

export const clientTicketSchema = z.object({
  ...common,
  kind: z.literal('client'),
  userId: idSchema('user'),
  /**
   * Of the session, API token or SSH key that it was given for, or `<share id>.<user id>` for a guest: when that ends, the
   * worker cuts what came in by it.
   */
  credentialId: z.string().max(64).optional(),
  /** Of somebody with whom the environment is shared. */
  guest: z
    .object({
      /** His own session, API token or SSH key: its end cuts as well. */
      credentialId: z.string().max(64),
      /** When the share ends, in milliseconds since 1970; null as long as nobody ends it. The worker cuts then by itself. */
      untilMs: z.number().int().nullable(),
    })
    .optional(),
  target: targetSchema,
  /** Where a jump says that the person comes from. */
  address: z.string().max(100).optional(),
});
export const workerTicketSchema = z.object({
  ...common,
  kind: z.literal('worker'),
  workerId: idSchema('worker'),
  generation: z.number().int().min(1),
});
export type ClientTicket = z.infer<typeof clientTicketSchema>;
export type WorkerTicket = z.infer<typeof workerTicketSchema>;

/** `key` is a private Ed25519 JWK with a `kid`. Lifetime in seconds from now. */
export async function signTicket(
  claims: Omit<ClientTicket, 'exp'> | Omit<WorkerTicket, 'exp'>,
  key: JWK,
  lifetimeSeconds: number,
): Promise<string> {
  return new SignJWT({ ...claims })
    .setProtectedHeader({ alg: 'EdDSA', ...(key.kid === undefined ? {} : { kid: key.kid }) })
    .setIssuer(TICKET_ISSUER)
    .setAudience(claims.kind)
    .setExpirationTime(Math.floor(Date.now() / 1000) + lifetimeSeconds)
    .sign(key);
}

/** Throws TICKET_INVALID, with the reason, for anything but a live ticket of this kind signed by one of these keys. */
export async function verifyTicket(kind: 'client', token: string, keys: JSONWebKeySet): Promise<ClientTicket>;
export async function verifyTicket(kind: 'worker', token: string, keys: JSONWebKeySet): Promise<WorkerTicket>;
export async function verifyTicket(
  kind: 'client' | 'worker',
  token: string,
  keys: JSONWebKeySet,
): Promise<ClientTicket | WorkerTicket> {
  try {
    const { payload } = await jwtVerify(token, createLocalJWKSet(keys), {
      issuer: TICKET_ISSUER,
      audience: kind,
      algorithms: ['EdDSA'],
      requiredClaims: ['exp', 'jti'],
    });
    return (kind === 'client' ? clientTicketSchema : workerTicketSchema).parse(payload);
  } catch (cause) {
    const message =
      cause instanceof errors.JWTExpired ? 'the ticket has expired: ask for a new one' : 'the ticket is not valid here';
    throw new AppError({ code: 'TICKET_INVALID', message, cause });
  }
}
