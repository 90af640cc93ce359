/** What administrators choose from when they add a provider: each is a kind with some of its settings filled in. */
import type { LdapForm } from './ldap-form.ts';
import type { SignInModule } from './operations/sign-in-modules.ts';

export type SignInKind = SignInModule['kind'];

export interface ModulePreset {
  key: string;
  kind: SignInKind;
  /** Of the module; empty for a whole kind, which has no name of its own. */
  name: string;
  issuer?: string;
  scopes?: string;
  groupsClaim?: string;
  ldap?: Partial<LdapForm>;
}

/** Parts in capitals are the administrator's to replace. */
export const MODULE_PRESETS = [
  { key: 'google', kind: 'oidc', name: 'Google', issuer: 'https://accounts.google.com' },
  {
    key: 'microsoft',
    kind: 'oidc',
    name: 'Microsoft',
    issuer: 'https://login.microsoftonline.com/TENANT-ID/v2.0',
  },
  { key: 'github', kind: 'github', name: 'GitHub', issuer: 'https://github.com' },
  { key: 'gitlab', kind: 'oidc', name: 'GitLab', issuer: 'https://gitlab.com' },
  { key: 'keycloak', kind: 'oidc', name: 'Keycloak', issuer: 'https://KEYCLOAK-HOST/realms/REALM' },
  { key: 'okta', kind: 'oidc', name: 'Okta', issuer: 'https://ORGANISATION.okta.com', scopes: 'profile email groups' },
  { key: 'oidc', kind: 'oidc', name: '' },
  { key: 'saml', kind: 'saml', name: '' },
  {
    key: 'activeDirectory',
    kind: 'ldap',
    name: 'Active Directory',
    ldap: {
      directory: 'activeDirectory',
      url: 'ldaps://DOMAIN-CONTROLLER',
      userFilter: '(&(objectCategory=person)(objectClass=user)(|(sAMAccountName={login})(userPrincipalName={login})))',
      loginAttribute: 'sAMAccountName',
      nameAttribute: 'displayName',
      subjectAttribute: 'objectGUID',
    },
  },
  { key: 'ldap', kind: 'ldap', name: '' },
] as const satisfies readonly ModulePreset[];
