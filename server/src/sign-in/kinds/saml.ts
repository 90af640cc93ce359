/** An identity provider that speaks SAML 2.0. */
import { z } from 'zod';
import { commonShape, isSafeAddress, type ModuleKind } from './common.ts';

export const samlSettingsSchema = z.object({
  kind: z.literal('saml'),
  ...commonShape,
  /** Who the provider says it is. */
  entityId: z.string().trim().min(1, 'expected the entity id of the provider').max(500),
  /** Where the browser is sent to sign in. */
  entryPoint: z
    .string()
    .trim()
    .max(500)
    .refine(isSafeAddress, 'expected the provider’s https:// address for signing in'),
  /** Of the provider, PEM: one of them must have signed. */
  certificates: z.array(z.string().min(1).max(10_000)).min(1, 'expected the certificate of the provider').max(5),
});
export type SamlSettings = z.infer<typeof samlSettingsSchema>;

export const samlKind: ModuleKind<SamlSettings> = {
  schema: samlSettingsSchema,
  secretField: null,
  needsSecret: () => false,
  isMoved: () => false,
  addressOf: ({ entityId }) => entityId,
  startPath: (id) => `/auth/saml/${id}/start`,
  callbackPath: (id) => `/auth/saml/${id}/acs`,
};
