/** The part of a sign-in module that only those of SAML have. */
import { asUser } from '../actor.ts';
import { builder } from '../api/builder.ts';
import { refusals } from '../api/refusals.ts';
import type { SignInModule } from '../generated/prisma/client.ts';
import { invalidInput } from '../parse-input.ts';
import { ofKind } from './module-settings.ts';
import { describeCertificate, MetadataProblem, parseCertificates, parseMetadata } from './saml-metadata.ts';
import type { ProviderState, SamlModuleRef } from './saml-module.service.ts';
import { NAME_ID_FORMATS, type NameIdFormat } from './saml-names.ts';

const NameIdFormatEnum = builder.enumType('SamlNameIdFormat', {
  description: 'What kind of name is asked for; `unspecified` takes whatever comes, but nothing transient.',
  values: Object.keys(NAME_ID_FORMATS) as NameIdFormat[],
});

const SignaturesEnum = builder.enumType('SamlSignatures', {
  description: 'What the provider has to sign: response and assertion, or the assertion alone.',
  values: ['both', 'assertion'] as const,
});

const CertificateObject = builder.objectRef<string>('SamlCertificate').implement({
  description: 'Of a provider: what it signs with. Several are good during a roll-over.',
  fields: (t) => ({
    pem: t.string({ resolve: (pem) => pem }),
    subject: t.string({ resolve: (pem) => describeCertificate(pem).subject }),
    fingerprint: t.string({ description: 'SHA-256.', resolve: (pem) => describeCertificate(pem).fingerprint }),
    validUntil: t.field({ type: 'DateTime', resolve: (pem) => describeCertificate(pem).validUntil }),
  }),
});

const ProviderObject = builder.objectRef<ProviderState>('SamlProvider').implement({
  description: 'What is known of the provider.',
  fields: (t) => ({
    entityId: t.string({ nullable: true, resolve: ({ metadata }) => metadata?.entityId ?? null }),
    entryPoint: t.string({
      nullable: true,
      description: 'Where the browser is sent to sign in.',
      resolve: ({ metadata }) => metadata?.entryPoint ?? null,
    }),
    certificates: t.field({ type: [CertificateObject], resolve: ({ metadata }) => metadata?.certificates ?? [] }),
    fetchedAt: t.expose('fetchedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When this was read from the address; null where it was given by hand, or never read.',
    }),
    problem: t.exposeString('problem', {
      nullable: true,
      description: 'Why the last attempt to read it failed; what was read before still counts.',
    }),
  }),
});

export const SamlModuleObject = builder.objectRef<SamlModuleRef>('SamlModule').implement({
  fields: (t) => ({
    metadataUrl: t.string({
      nullable: true,
      description: 'Where the provider is read from, again every hour; null where it was given by hand.',
      resolve: ({ settings: { provider } }) => (provider.from === 'url' ? provider.metadataUrl : null),
    }),
    provider: t.field({
      type: ProviderObject,
      resolve: (module, _args, { services }) => services.samlModules.stateOf(module),
    }),
    serviceMetadataPath: t.string({
      description: 'What the provider is to be told of us, after the address of this server; also our entity id.',
      resolve: ({ id }) => `/auth/saml/${id}/metadata`,
    }),
    signsRequests: t.boolean({ resolve: ({ settings }) => settings.signsRequests }),
    wantedSignatures: t.field({ type: SignaturesEnum, resolve: ({ settings }) => settings.wantedSignatures }),
    mayBeginAtProvider: t.boolean({ resolve: ({ settings }) => settings.mayBeginAtProvider }),
    nameIdFormat: t.field({ type: NameIdFormatEnum, resolve: ({ settings }) => settings.nameIdFormat }),
    subjectAttribute: t.string({
      nullable: true,
      description: 'What identifies somebody; null: the NameID.',
      resolve: ({ settings }) => settings.attributes.subject,
    }),
    nameAttribute: t.string({ nullable: true, resolve: ({ settings }) => settings.attributes.name }),
    loginAttribute: t.string({ nullable: true, resolve: ({ settings }) => settings.attributes.login }),
    emailAttribute: t.string({ nullable: true, resolve: ({ settings }) => settings.attributes.email }),
    groupsAttribute: t.string({ nullable: true, resolve: ({ settings }) => settings.attributes.groups }),
    sessionHours: t.int({
      nullable: true,
      description: 'Sessions end after so many hours; null: as all others.',
      resolve: ({ settings }) => settings.sessionHours,
    }),
  }),
});

export const SamlModuleInput = builder.inputType('SamlModuleInput', {
  description:
    'The provider is given by one of three: the address of its metadata, the metadata, or entity id, entry point and certificates.',
  fields: (t) => ({
    metadataUrl: t.string({ description: 'Read now, and again every hour.' }),
    metadata: t.string({ description: 'XML, as the provider gives it.' }),
    entityId: t.string({ description: 'Who the provider says it is.' }),
    entryPoint: t.string({ description: 'Where the browser is sent to sign in, by HTTP-Redirect.' }),
    certificates: t.string({ description: 'PEM, one after another: one of them must have signed.' }),
    signsRequests: t.boolean({ description: 'Yes when left out.' }),
    wantedSignatures: t.field({ type: SignaturesEnum, description: '`both` when left out.' }),
    mayBeginAtProvider: t.boolean({ description: 'Whether people may come unasked, from a list at the provider.' }),
    nameIdFormat: t.field({ type: NameIdFormatEnum, description: '`persistent` when left out.' }),
    subjectAttribute: t.string({ description: 'What identifies somebody, instead of the NameID.' }),
    nameAttribute: t.string({ description: 'Left out, the usual names are tried; so for the next three.' }),
    loginAttribute: t.string(),
    emailAttribute: t.string(),
    groupsAttribute: t.string(),
    sessionHours: t.int({ description: 'Sessions end after so many hours; left out: as all others.' }),
  }),
});

/** As the kind's schema takes it. Throws INVALID_INPUT for metadata and certificates that are none. */
export function samlSettingsOf(input: typeof SamlModuleInput.$inferInput | null | undefined): object {
  if (!input) return {};
  const { metadataUrl, metadata, entityId, entryPoint, certificates, ...rest } = input;
  const { subjectAttribute, nameAttribute, loginAttribute, emailAttribute, groupsAttribute, ...plain } = rest;
  const attributes = {
    subject: subjectAttribute || null,
    name: nameAttribute || null,
    login: loginAttribute || null,
    email: emailAttribute || null,
    groups: groupsAttribute || null,
  };
  return { ...plain, attributes, provider: providerOf({ metadataUrl, metadata, entityId, entryPoint, certificates }) };
}

function providerOf(
  given: {
    [key in 'metadataUrl' | 'metadata' | 'entityId' | 'entryPoint' | 'certificates']: string | null | undefined;
  },
): object {
  if (given.metadataUrl) return { from: 'url', metadataUrl: given.metadataUrl };
  const parsed = <T>(path: string, parse: () => T): T => {
    try {
      return parse();
    } catch (err) {
      if (!(err instanceof MetadataProblem)) throw err;
      throw invalidInput([{ path, message: err.message }]);
    }
  };
  const { metadata, certificates } = given;
  if (metadata) {
    return { from: 'settings', ...parsed('saml.metadata', () => parseMetadata(metadata, new Date())) };
  }
  const { entityId, entryPoint } = given;
  const pems = parsed('saml.certificates', () => parseCertificates(certificates ?? ''));
  return { from: 'settings', entityId: entityId ?? '', entryPoint: entryPoint ?? '', certificates: pems };
}

/** Null for a module of another kind. */
export function samlModuleOf(module: SignInModule): SamlModuleRef | null {
  const settings = ofKind(module, 'saml');
  return settings && { id: module.id, settings };
}

builder.mutationField('readSamlMetadata', (t) =>
  t.prismaField({
    type: 'SignInModule',
    ...refusals('NOT_FOUND', 'WRONG_STATE'),
    description: 'Reads the metadata of the provider from its address now; what it says there is believed.',
    args: { id: t.arg.id({ required: true }) },
    resolve: (_query, _root, { id }, { services, actor }) => services.samlModules.refresh(asUser(actor), id),
  }),
);
