import { graphql, type ResultOf } from '#lib/api/graphql.ts';

export const auditEntries = graphql(`
  query AuditEntries($filter: AuditFilter, $after: String) {
    auditEntries(first: 50, filter: $filter, after: $after) {
      edges {
        node {
          id at actorKind actorLogin actorId address requestId credentialId
          action thingId thingName outcome details isSealed
        }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
`);
export type AuditEntry = ResultOf<typeof auditEntries>['auditEntries']['edges'][number]['node'];

export const verifyAudit = graphql(`
  query VerifyAudit {
    verifyAudit { entries isIntact brokenNumber problem }
  }
`);
