/** The audit log, as administrators and auditors read it. */
import { z } from 'zod';
import { operation, page } from './operation.ts';

const entrySchema = z.object({
  id: z.string(),
  at: z.string(),
  actorKind: z.string(),
  actorLogin: z.string().nullable(),
  credentialId: z.string().nullable(),
  address: z.string().nullable(),
  action: z.string(),
  thingId: z.string().nullable(),
  thingName: z.string().nullable(),
  outcome: z.string(),
  details: z.record(z.string(), z.unknown()),
  isSealed: z.boolean(),
});
export type AuditEntry = z.output<typeof entrySchema>;

export const auditEntriesQuery = operation(
  `query ($filter: AuditFilter, $first: Int, $after: String) {
    result: auditEntries(filter: $filter, first: $first, after: $after) {
      edges { node { id at actorKind actorLogin credentialId address action thingId thingName outcome details isSealed } }
      pageInfo { hasNextPage endCursor }
    }
  }`,
  page(entrySchema),
);

const verifiedSchema = z.object({
  entries: z.number(),
  isIntact: z.boolean(),
  brokenNumber: z.number().nullable(),
  problem: z.string().nullable(),
});
export type Verified = z.output<typeof verifiedSchema>;

export const verifyAuditQuery = operation(
  'query { result: verifyAudit { entries isIntact brokenNumber problem } }',
  verifiedSchema,
);
