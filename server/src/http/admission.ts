/**
 * How many requests the API takes: of one caller, so that a script in a loop slows down itself and nobody else, and at
 * once, so that under a flood those that are taken are still answered in time. Sockets have limits of their own
 * (live/graphql-socket.ts), and so has signing in (user/sign-in-attempts.ts). Each replica counts for itself.
 */
import type { Clock } from '@easel/kit/clock';
import { sourceOf, Throttle } from '@easel/kit/throttle';
import { AppError } from '@easel/schema/errors';

export interface AdmissionLimits {
  /** Of one session or token, in the long run; ten times as many at once. */
  perSecond: number;
  /** Of one address without either. A page that is not signed in asks for little. */
  strangersPerSecond: number;
  /** Under way at once, of everybody. More only wait for the database, until nobody wants their answers any more. */
  atOnce: number;
}

const BURST_SECONDS = 10;

export class Admission {
  readonly #callers: Throttle;
  readonly #strangers: Throttle;
  readonly #atOnce: number;
  #underWay = 0;

  constructor(limits: AdmissionLimits, clock: Clock) {
    const bucket = (perSecond: number) => new Throttle({ perSecond, burst: perSecond * BURST_SECONDS, clock });
    this.#callers = bucket(limits.perSecond);
    this.#strangers = bucket(limits.strangersPerSecond);
    this.#atOnce = limits.atOnce;
  }

  /** Gives what is to be called when the request is over. Throws OVERLOADED. */
  enter(): () => void {
    if (this.#underWay >= this.#atOnce) {
      throw new AppError({
        code: 'OVERLOADED',
        message: 'the server has more to do than it can: try again in a moment',
        details: { retryAfterSeconds: 1 },
      });
    }
    this.#underWay++;
    let isOver = false;
    return () => {
      if (!isOver) this.#underWay--;
      isOver = true;
    };
  }

  /** `credentialId` is null for nobody, and for whoever has sent a token that is not good. Throws RATE_LIMITED. */
  take(credentialId: string | null, address: string): void {
    const waitMs = credentialId === null ? this.#strangers.take(sourceOf(address)) : this.#callers.take(credentialId);
    if (waitMs === 0) return;
    const retryAfterSeconds = Math.ceil(waitMs / 1000);
    throw new AppError({
      code: 'RATE_LIMITED',
      message: `too many requests: try again in ${retryAfterSeconds} seconds, and ask for more in one request`,
      details: { retryAfterSeconds },
    });
  }
}
