/** Who asks. Every request has exactly one actor, and every decision about rights looks at it alone. */
import { AppError } from '@easel/schema/errors';
import type { PlatformId, UserId } from '@easel/schema/ids';
import type { Rights } from './rights/rights.ts';
import type { Scope } from './rights/scopes.ts';

export interface UserActor {
  kind: 'user';
  userId: UserId;
  login: string;
  /** Of a token with scopes, what they leave of its owner's. */
  rights: Rights;
  /** What the token is for; left out or null: all that its owner may. */
  scopes?: ReadonlySet<Scope> | null;
  /** The session, API token or SSH key that proves it: each can be revoked while a connection stands. */
  credential: {
    kind: 'session' | 'token' | 'sshKey';
    id: string;
    /** Of a session: when its user last proved that it is he. */
    provedAt?: Date | null;
    /** Of a session: its secret is old enough to be made anew. */
    isRenewalDue?: boolean;
  };
}

/** A computing platform's scheduler, relay or jump. */
export interface PlatformActor {
  kind: 'platform';
  platformId: PlatformId;
  name: string;
  /** Of the token that proves it: a socket ends when there is a newer one. */
  credentialId: string;
}

export type Actor = UserActor | PlatformActor | { kind: 'anonymous' };

export const ANONYMOUS: Actor = { kind: 'anonymous' };

/** The signed-in user. Throws UNAUTHENTICATED for nobody and FORBIDDEN for a platform. */
export function asUser(actor: Actor): UserActor {
  if (actor.kind === 'user') return actor;
  throw actor.kind === 'anonymous' ? unauthenticated() : forbidden('this is for users, not for computing platforms');
}

/** Throws UNAUTHENTICATED for nobody and FORBIDDEN for a user. */
export function asPlatform(actor: Actor): PlatformActor {
  if (actor.kind === 'platform') return actor;
  throw actor.kind === 'anonymous' ? unauthenticated() : forbidden('this is for computing platforms, not for users');
}

export function unauthenticated(): AppError {
  return new AppError({ code: 'UNAUTHENTICATED', message: 'sign in first, or send a token that is still valid' });
}

export function forbidden(message: string, details: Record<string, unknown> = {}): AppError {
  return new AppError({ code: 'FORBIDDEN', message, details });
}

/** Also said of what exists but is not the asker's: the difference is nobody's business. */
export function notFound(what: string): AppError {
  return new AppError({ code: 'NOT_FOUND', message: `there is no such ${what}, or it is not yours` });
}
