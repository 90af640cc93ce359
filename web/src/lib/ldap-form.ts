/** The part of a module's form that is about a directory. Pure. */
import type { ModuleInput, SignInModule } from './operations/sign-in-modules.ts';

type Shown = NonNullable<SignInModule['ldap']>;
export type LdapForm = Shown & { bindPassword: string };

export const EMPTY_LDAP: LdapForm = {
  directory: 'other',
  url: '',
  startsTls: true,
  caCertificate: '',
  bindDn: '',
  bindPassword: '',
  baseDn: '',
  userFilter: '(&(objectClass=person)(uid={login}))',
  loginAttribute: 'uid',
  nameAttribute: 'cn',
  mailAttribute: 'mail',
  subjectAttribute: 'entryUUID',
  groupBaseDn: '',
  groupNameAttribute: 'cn',
};

export function ldapFormOf(shown: Shown | null): LdapForm {
  return { ...EMPTY_LDAP, ...shown, bindPassword: '' };
}

export function ldapInputOf({ bindPassword, ...form }: LdapForm): NonNullable<ModuleInput['ldap']> {
  return { ...form, bindPassword: bindPassword || null };
}
