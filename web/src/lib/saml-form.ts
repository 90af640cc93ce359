/** What the form of a module has for SAML alone: what it is shown as, and what is sent of it. Pure. */
import type { ModuleInput, SignInModule } from './operations/sign-in-modules.ts';

type SamlModule = NonNullable<SignInModule['saml']>;
type SamlInput = NonNullable<ModuleInput['saml']>;

/** Where the provider's settings come from. */
export type SamlSource = 'url' | 'metadata' | 'hand';
export type SamlForm = ReturnType<typeof emptySamlForm>;

export function emptySamlForm() {
  return {
    source: 'url' as SamlSource,
    metadataUrl: '',
    metadata: '',
    entityId: '',
    entryPoint: '',
    certificates: '',
    signsRequests: true,
    wantedSignatures: 'both' as SamlModule['wantedSignatures'],
    mayBeginAtProvider: false,
    nameIdFormat: 'persistent' as SamlModule['nameIdFormat'],
    subjectAttribute: '',
    nameAttribute: '',
    loginAttribute: '',
    emailAttribute: '',
    groupsAttribute: '',
    sessionHours: null as number | null,
  };
}

export function samlFormOf(saml: SamlModule | null): SamlForm {
  if (!saml) return emptySamlForm();
  const { metadataUrl, provider, signsRequests, wantedSignatures, mayBeginAtProvider, nameIdFormat } = saml;
  return {
    ...emptySamlForm(),
    ...{ signsRequests, wantedSignatures, mayBeginAtProvider, nameIdFormat },
    // What was read out of metadata once is shown as if it had been typed.
    source: metadataUrl === null ? 'hand' : 'url',
    metadataUrl: metadataUrl ?? '',
    entityId: provider.entityId ?? '',
    entryPoint: provider.entryPoint ?? '',
    certificates: provider.certificates.map(({ pem }) => pem.trim()).join('\n'),
    subjectAttribute: saml.subjectAttribute ?? '',
    nameAttribute: saml.nameAttribute ?? '',
    loginAttribute: saml.loginAttribute ?? '',
    emailAttribute: saml.emailAttribute ?? '',
    groupsAttribute: saml.groupsAttribute ?? '',
    sessionHours: saml.sessionHours,
  };
}

export function samlInputOf(form: SamlForm): SamlInput {
  const { signsRequests, wantedSignatures, mayBeginAtProvider, nameIdFormat } = form;
  const named = (text: string) => text.trim() || null;
  return {
    ...providerOf(form),
    ...{ signsRequests, wantedSignatures, mayBeginAtProvider, nameIdFormat },
    subjectAttribute: named(form.subjectAttribute),
    nameAttribute: named(form.nameAttribute),
    loginAttribute: named(form.loginAttribute),
    emailAttribute: named(form.emailAttribute),
    groupsAttribute: named(form.groupsAttribute),
    sessionHours: form.sessionHours,
  };
}

function providerOf({
  source,
  metadataUrl,
  metadata,
  entityId,
  entryPoint,
  certificates,
}: SamlForm): Partial<SamlInput> {
  if (source === 'url') return { metadataUrl };
  return source === 'metadata' ? { metadata } : { entityId, entryPoint, certificates };
}

export type CertificateState = 'good' | 'soon' | 'over';
const SOON_MS = 30 * 86_400_000;

/** How near the end of a certificate is. Providers sign on with one that is over, but their administrators should hear of it. */
export function certificateState(validUntil: string, nowMs: number): CertificateState {
  const leftMs = new Date(validUntil).getTime() - nowMs;
  if (leftMs <= 0) return 'over';
  return leftMs < SOON_MS ? 'soon' : 'good';
}
