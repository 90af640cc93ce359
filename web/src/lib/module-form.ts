/** The form of a sign-in module: what a module is shown as, and what is sent of it. Pure. */
import { EMPTY_LDAP, ldapFormOf, ldapInputOf } from './ldap-form.ts';
import type { ModulePreset } from './module-presets.ts';
import type { ModuleInput, SignInModule } from './operations/sign-in-modules.ts';
import { emptySamlForm, samlFormOf, samlInputOf } from './saml-form.ts';

export type ModuleForm = ReturnType<typeof emptyForm>;

function emptyForm() {
  return {
    kind: 'oidc' as SignInModule['kind'],
    name: '',
    isEnabled: true,
    mayRegister: false,
    trustsEmail: false,
    syncsGroups: true,
    domains: '',
    role: 'developer' as SignInModule['role'],
    issuer: '',
    clientId: '',
    clientSecret: '',
    scopes: 'profile email',
    groupsClaim: 'groups',
    organisations: '',
    saml: emptySamlForm(),
    ldap: EMPTY_LDAP,
  };
}

export function formOfPreset({ kind, name, issuer, scopes, groupsClaim, ldap }: ModulePreset): ModuleForm {
  const form = { ...emptyForm(), kind, name };
  return {
    ...form,
    issuer: issuer ?? form.issuer,
    scopes: scopes ?? form.scopes,
    groupsClaim: groupsClaim ?? form.groupsClaim,
    ldap: { ...EMPTY_LDAP, ...ldap },
  };
}

export function formOf(module: SignInModule): ModuleForm {
  const { kind, name, isEnabled, mayRegister, trustsEmail, syncsGroups, role, issuer } = module;
  return {
    ...emptyForm(),
    ...{ kind, name, isEnabled, mayRegister, trustsEmail, syncsGroups, role, issuer },
    domains: module.allowedDomains.join(', '),
    clientId: module.clientId ?? '',
    scopes: module.scopes.join(' '),
    groupsClaim: module.groupsClaim ?? '',
    organisations: module.allowedOrganisations.join(', '),
    saml: samlFormOf(module.saml),
    ldap: ldapFormOf(module.ldap),
  };
}

/** What each kind sends besides what all kinds have. */
const OF_KIND: Record<SignInModule['kind'], (form: ModuleForm) => Partial<ModuleInput>> = {
  oidc: ({ issuer, clientId, clientSecret, scopes, groupsClaim }) => ({
    ...{ issuer, clientId },
    clientSecret: clientSecret || null,
    scopes: wordsOf(scopes).filter((scope) => scope !== 'openid'),
    groupsClaim: groupsClaim.trim() || null,
  }),
  github: ({ issuer, clientId, clientSecret, organisations }) => ({
    issuer: issuer || null,
    clientId,
    clientSecret: clientSecret || null,
    allowedOrganisations: wordsOf(organisations),
  }),
  ldap: ({ ldap }) => ({ ldap: ldapInputOf(ldap) }),
  saml: ({ saml }) => ({ saml: samlInputOf(saml) }),
};

export function inputOf(form: ModuleForm): ModuleInput {
  const { kind, name, isEnabled, mayRegister, trustsEmail, syncsGroups, role, domains } = form;
  const common = {
    kind,
    name,
    isEnabled,
    mayRegister,
    trustsEmail,
    syncsGroups,
    role,
    allowedDomains: wordsOf(domains),
  };
  return { ...common, ...OF_KIND[kind](form) };
}

/** Words with spaces, commas or lines between. */
export function wordsOf(text: string): string[] {
  return text.split(/[\s,]+/).filter(Boolean);
}
