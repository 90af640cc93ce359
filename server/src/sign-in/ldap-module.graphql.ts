import { builder } from '../api/builder.ts';
import { LDAP_DIRECTORIES, type LdapSettings } from './kinds/ldap.ts';
import { CHECK_STEPS, type Checked } from './ldap-check.ts';

const LdapDirectoryEnum = builder.enumType('LdapDirectory', {
  description: 'Active Directory follows groups in groups itself, and says in its own way who is disabled.',
  values: LDAP_DIRECTORIES,
});

export const LdapModuleObject = builder.objectRef<LdapSettings>('LdapModule').implement({
  fields: (t) => ({
    directory: t.field({ type: LdapDirectoryEnum, resolve: ({ directory }) => directory }),
    url: t.exposeString('url'),
    startsTls: t.exposeBoolean('startsTls'),
    caCertificate: t.exposeString('caCertificate', { description: 'PEM; empty: the authorities that Node.js knows.' }),
    bindDn: t.exposeString('bindDn', { description: 'Empty: searches as nobody.' }),
    baseDn: t.exposeString('baseDn'),
    userFilter: t.exposeString('userFilter', { description: 'With `{login}` where the login stands.' }),
    loginAttribute: t.exposeString('loginAttribute'),
    nameAttribute: t.exposeString('nameAttribute'),
    mailAttribute: t.exposeString('mailAttribute'),
    subjectAttribute: t.exposeString('subjectAttribute', { description: 'Identifies people; it never changes.' }),
    groupBaseDn: t.exposeString('groupBaseDn', { description: 'Empty: `baseDn`.' }),
    groupNameAttribute: t.exposeString('groupNameAttribute'),
  }),
});

export const LdapModuleInput = builder.inputType('LdapModuleInput', {
  fields: (t) => ({
    directory: t.field({ type: LdapDirectoryEnum, description: '`other` when left out.' }),
    url: t.string({ required: true, description: '`ldaps://host`, or `ldap://host` with StartTLS.' }),
    startsTls: t.boolean({
      description: 'True when left out. Only for a directory on the same machine it may be false.',
    }),
    caCertificate: t.string({ description: 'PEM; then no other authority counts.' }),
    bindDn: t.string(),
    bindPassword: t.string({
      description: 'Left out, the present one stays, unless the address, its certificates or the account have changed.',
    }),
    baseDn: t.string({ required: true }),
    userFilter: t.string({
      required: true,
      description: 'With `{login}` where the login is to stand, like `(uid={login})`.',
    }),
    loginAttribute: t.string(),
    nameAttribute: t.string(),
    mailAttribute: t.string(),
    subjectAttribute: t.string({ description: '`entryUUID` when left out; `objectGUID` of Active Directory.' }),
    groupBaseDn: t.string(),
    groupNameAttribute: t.string(),
  }),
});

const StepEnum = builder.enumType('SignInCheckStep', { values: CHECK_STEPS });

export const SignInCheckObject = builder.objectRef<{ steps: Checked[] }>('SignInCheck').implement({
  description: 'What of a module works, step by step; it ends with the first that does not.',
  fields: (t) => ({
    steps: t.field({
      type: [
        builder.objectRef<Checked>('SignInCheckLine').implement({
          fields: (line) => ({
            step: line.field({ type: StepEnum, resolve: ({ step }) => step }),
            isGood: line.exposeBoolean('isGood'),
            message: line.exposeString('message', { description: 'What was found, or what is wrong.' }),
          }),
        }),
      ],
      resolve: ({ steps }) => steps,
    }),
  }),
});
