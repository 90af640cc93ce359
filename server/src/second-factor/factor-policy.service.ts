/**
 * Who must have a second factor: everybody, or the holders of a system role. It is about sign-ins by a password of ours
 * (decision 0018): whoever has none is let into nothing but its set-up.
 */

import type { Clock } from '@easel/kit/clock';
import { AppError } from '@easel/schema/errors';
import type { UserId } from '@easel/schema/ids';
import { z } from 'zod';
import { type Actor, asUser } from '../actor.ts';
import { type Db, inTransaction, reading, type Tx } from '../db.ts';
import { parseInput } from '../parse-input.ts';
import { readGrants } from '../rights/grants.ts';
import { mustMay } from '../rights/may.ts';
import { isSystemRole, SYSTEM_ROLES, type SystemRole } from '../rights/roles.ts';
import { factorPolicyStore } from './factor-policy.store.ts';

const EVERYBODY = 'everybody';
/** Sessions are looked at with every request; a rule that has just changed may be this old. */
const KNOWN_FOR_MS = 5_000;

export interface FactorPolicy {
  isRequired: boolean;
  /** Where it is not required of everybody. */
  requiredRoles: SystemRole[];
}

const policySchema = z.object({
  isRequired: z.boolean(),
  requiredRoles: z.array(z.enum(Object.keys(SYSTEM_ROLES) as [SystemRole, ...SystemRole[]])).max(10),
});

interface FactorPolicyParts {
  db: Db;
  clock: Clock;
  /** Ends the sessions of these users that a password alone has opened. */
  endSessions: (tx: Tx, userIds: readonly UserId[]) => Promise<void>;
}

export class FactorPolicyService {
  readonly #parts: FactorPolicyParts;
  readonly #db: Db;
  #known: { policy: FactorPolicy; untilMs: number } | null = null;

  constructor(parts: FactorPolicyParts) {
    this.#parts = parts;
    this.#db = parts.db;
  }

  /** For whoever sees all users. Throws FORBIDDEN. */
  async show(actor: Actor): Promise<FactorPolicy> {
    mustMay(actor, 'user.read');
    return this.#read();
  }

  /** Throws FORBIDDEN; WRONG_STATE when it would shut out the one who asks. */
  async set(actor: Actor, input: z.input<typeof policySchema>): Promise<FactorPolicy> {
    mustMay(actor, 'signIn.change');
    const policy = parseInput(policySchema, input);
    const scopes = [...(policy.isRequired ? [EVERYBODY] : []), ...policy.requiredRoles];
    const { userId } = asUser(actor);
    await inTransaction(this.#db, async (tx) => {
      await factorPolicyStore.replace(tx, [...new Set(scopes)]);
      const lacking = (await factorPolicyStore.lacking(tx)) as UserId[];
      if (lacking.includes(userId)) {
        const message = 'you have no second factor yourself: set one up first, under Settings → Security';
        throw new AppError({ code: 'WRONG_STATE', message });
      }
      await this.#parts.endSessions(tx, lacking);
    });
    this.#known = null;
    return this.#read();
  }

  /** Whether this user must have a second factor to come in by a password. */
  async requires(userId: UserId): Promise<boolean> {
    const now = this.#parts.clock.now();
    if (!this.#known || this.#known.untilMs <= now) {
      this.#known = { policy: await this.#read(), untilMs: now + KNOWN_FOR_MS };
    }
    const { isRequired, requiredRoles } = this.#known.policy;
    if (isRequired) return true;
    if (requiredRoles.length === 0) return false;
    const grants = await readGrants(this.#db, userId);
    return grants.some(({ namespaceId, role }) => namespaceId === null && requiredRoles.some((one) => one === role));
  }

  async #read(): Promise<FactorPolicy> {
    const scopes = await reading(() => factorPolicyStore.required(this.#db));
    return { isRequired: scopes.includes(EVERYBODY), requiredRoles: scopes.filter(isSystemRole) };
  }
}
