/** What a search of the log may name, said twice: to the database, and of entries that lie in the object store. */
import type { Chained } from '@easel/schema/audit-chain';
import type { Prisma } from '../generated/prisma/client.ts';

export interface AuditFilter {
  /** Id or login. */
  actor: string | null;
  action: string | null;
  /** Id or name. */
  thing: string | null;
  /** `done`, `refused`, or one code. */
  outcome: string | null;
  from: Date | null;
  to: Date | null;
}

/** Outcomes that are no refusal. */
const NOT_REFUSED = ['done', 'begun'];

export function where({ actor, action, thing, outcome, from, to }: AuditFilter): Prisma.AuditEntryWhereInput {
  return {
    ...(actor ? { OR: [{ actorId: actor }, { actorLogin: actor }] } : {}),
    ...(action ? { action } : {}),
    ...(thing ? { AND: [{ OR: [{ thingId: thing }, { thingName: thing }] }] } : {}),
    ...(outcome === 'refused' ? { outcome: { notIn: NOT_REFUSED } } : outcome ? { outcome } : {}),
    ...(from || to ? { at: { ...(from ? { gte: from } : {}), ...(to ? { lt: to } : {}) } } : {}),
  };
}

export function fits({ actor, action, thing, outcome, from, to }: AuditFilter, entry: Chained): boolean {
  const atMs = Date.parse(entry.at);
  return (
    (!actor || entry.actorId === actor || entry.actorLogin === actor) &&
    (!action || entry.action === action) &&
    (!thing || entry.thingId === thing || entry.thingName === thing) &&
    (!outcome || (outcome === 'refused' ? !NOT_REFUSED.includes(entry.outcome) : entry.outcome === outcome)) &&
    (!from || atMs >= from.getTime()) &&
    (!to || atMs < to.getTime())
  );
}
