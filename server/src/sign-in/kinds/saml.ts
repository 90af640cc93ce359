/** An identity provider that speaks SAML 2.0. */
import { z } from 'zod';
import { NAME_ID_FORMATS, type NameIdFormat } from '../saml-names.ts';
import { commonShape, isSafeAddress, type ModuleKind } from './common.ts';

const addressSchema = z.string().trim().max(1000);
const attributeName = z.string().trim().min(1).max(300).nullable().default(null);

/** Left out, the names that providers usually give are tried. */
const attributesSchema = z.object({
  /** What identifies somebody, instead of the NameID. */
  subject: attributeName,
  name: attributeName,
  login: attributeName,
  email: attributeName,
  groups: attributeName,
});

export const samlSettingsSchema = z.object({
  kind: z.literal('saml'),
  ...commonShape,
  provider: z.discriminatedUnion('from', [
    /** Read from there, and again every hour. */
    z.object({
      from: z.literal('url'),
      metadataUrl: addressSchema.refine(isSafeAddress, 'expected the https:// address of the provider’s metadata'),
    }),
    /** As an administrator has given it, by hand or out of metadata. */
    z.object({
      from: z.literal('settings'),
      entityId: z.string().trim().min(1, 'expected the entity id of the provider').max(1024),
      entryPoint: addressSchema.refine(isSafeAddress, 'expected the provider’s https:// address for signing in'),
      /** PEM; one of them must have signed. */
      certificates: z.array(z.string().min(1).max(10_000)).min(1, 'expected the provider’s certificate').max(10),
    }),
  ]),
  /** Our requests carry our signature. */
  signsRequests: z.boolean().default(true),
  /** What the provider has to sign. */
  wantedSignatures: z.enum(['both', 'assertion']).default('both'),
  /** Whether somebody may come from the provider's own list of services, without having been here. */
  mayBeginAtProvider: z.boolean().default(false),
  nameIdFormat: z.enum(Object.keys(NAME_ID_FORMATS) as [NameIdFormat, ...NameIdFormat[]]).default('persistent'),
  attributes: attributesSchema.prefault({}),
  /** Sessions end after so many hours; null: as all others. */
  sessionHours: z.number().int().min(1).max(168).nullable().default(null),
});
export type SamlSettings = z.infer<typeof samlSettingsSchema>;

export const samlKind: ModuleKind<SamlSettings> = {
  schema: samlSettingsSchema,
  secretField: null,
  needsSecret: () => false,
  isMoved: () => false,
  addressOf: ({ provider }) => (provider.from === 'url' ? provider.metadataUrl : provider.entityId),
  startPath: (id) => `/auth/saml/${id}/start`,
  callbackPath: (id) => `/auth/saml/${id}/acs`,
};
