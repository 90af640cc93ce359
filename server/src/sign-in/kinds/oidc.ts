/** A provider that speaks OpenID Connect. */
import { z } from 'zod';
import { commonShape, isSafeAddress, type ModuleKind } from './common.ts';

export const oidcSettingsSchema = z.object({
  kind: z.literal('oidc'),
  ...commonShape,
  issuer: z
    .string()
    .trim()
    .max(500)
    .refine(isSafeAddress, 'expected the issuer’s https:// address, as the provider gives it'),
  clientId: z.string().trim().min(1, 'expected the client’s id').max(500),
  /** Besides `openid`. */
  scopes: z
    .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,100}$/))
    .max(20)
    .default(['profile', 'email']),
  /** The claim that names the groups of whoever signs in. */
  groupsClaim: z
    .string()
    .trim()
    .regex(/^[\x21-\x7e]{1,100}$/, 'expected the name of a claim, like groups')
    .default('groups'),
});
export type OidcSettings = z.infer<typeof oidcSettingsSchema>;

export const oidcKind: ModuleKind<OidcSettings> = {
  schema: oidcSettingsSchema,
  secretField: 'clientSecret',
  needsSecret: () => true,
  isMoved: (before, after) => before.issuer !== after.issuer || before.clientId !== after.clientId,
  addressOf: ({ issuer }) => issuer,
  startPath: (id) => `/auth/oidc/${id}/start`,
  callbackPath: (id) => `/auth/oidc/${id}/callback`,
};
