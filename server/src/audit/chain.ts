/**
 * The chain: each entry carries the SHA-256 of the hash before it and of itself, so that whoever changes, removes or swaps
 * one would have to change all that follow, and the end of the chain in the database besides. Pure.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';

/** Before the first entry. */
export const GENESIS = '0'.repeat(64);

/** One line of an object, and what is hashed of a row. */
export const chainedSchema = z.object({
  number: z.number().int().min(1),
  id: z.string(),
  at: z.string(),
  actorKind: z.string(),
  actorId: z.string().nullable(),
  actorLogin: z.string().nullable(),
  credentialId: z.string().nullable(),
  address: z.string().nullable(),
  requestId: z.string().nullable(),
  action: z.string(),
  thingId: z.string().nullable(),
  thingName: z.string().nullable(),
  outcome: z.string(),
  details: z.record(z.string(), z.unknown()),
  hash: z.string(),
});
export type Chained = z.infer<typeof chainedSchema>;

export function hashOf(previous: string, { hash: _hash, ...entry }: Omit<Chained, 'hash'> & { hash?: string }): string {
  return createHash('sha256').update(previous).update('\n').update(canonical(entry)).digest('hex');
}

/** JSON with sorted keys: the database gives those of an object back in another order. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value ?? null);
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(',')}}`;
}

export interface Break {
  number: number;
  why: string;
}

/** Where the chain stands, and where it breaks first. */
export interface Walk {
  number: number;
  hash: string;
}

/** Goes one entry on. Gives the break instead when the entry does not follow. */
export function follow(walk: Walk, entry: Chained): Walk | Break {
  const number = walk.number + 1;
  if (entry.number !== number) {
    return { number, why: `entry ${number} is missing: ${entry.number} follows ${walk.number}` };
  }
  if (hashOf(walk.hash, entry) !== entry.hash) {
    return { number, why: `entry ${number} is not as it was when it was sealed, or what is before it is not` };
  }
  return { number, hash: entry.hash };
}
