import { grantsSql } from '../rights/grants.ts';

/** SQL that says whether a user lacks a second factor that he must have. `user` is SQL for the user's id. */
export function lacksFactorSql(user: string): string {
  return `(EXISTS (SELECT FROM second_factor_rules r WHERE r.is_required AND (r.scope = 'everybody'
      OR EXISTS (SELECT FROM jsonb_array_elements(${grantsSql(user)}) AS has
        WHERE has->>'namespaceId' IS NULL AND has->>'role' = r.scope)))
    AND NOT EXISTS (SELECT FROM totp_factors f WHERE f.user_id = ${user} AND f.sealed_secret IS NOT NULL)
    AND NOT EXISTS (SELECT FROM passkeys p WHERE p.user_id = ${user}))`;
}
