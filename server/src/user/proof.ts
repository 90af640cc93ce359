/**
 * Fresh proof: what could lock a user out of his own account, or let somebody else in for good, takes more than a session
 * that was opened days ago. A stolen cookie alone changes no password and no second factor.
 */
import { AppError } from '@easel/schema/errors';
import { type Actor, asUser } from '../actor.ts';

/** A proof is as good as new for this long. */
export const PROOF_SECONDS = 600;

/** When the actor's proof is old; null when it is. An API token never proves that its user is there. */
export function provedUntil(actor: Actor, nowMs: number): Date | null {
  const { credential } = asUser(actor);
  if (credential.kind !== 'session' || !credential.provedAt) return null;
  const untilMs = credential.provedAt.getTime() + PROOF_SECONDS * 1000;
  return untilMs > nowMs ? new Date(untilMs) : null;
}

/** Throws PROOF_NEEDED unless the actor has proved who he is within the last minutes. */
export function mustBeProved(actor: Actor, nowMs: number): void {
  if (provedUntil(actor, nowMs)) return;
  const isSession = asUser(actor).credential.kind === 'session';
  throw new AppError({
    code: 'PROOF_NEEDED',
    message: isSession
      ? `prove first that it is you: this takes a proof that is at most ${PROOF_SECONDS / 60} minutes old`
      : 'this is done signed in with a browser: a token does not prove that its user is there',
  });
}
