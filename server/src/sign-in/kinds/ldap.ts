/** A directory that speaks LDAP: OpenLDAP, 389 Directory Server, FreeIPA, or Active Directory. */
import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { commonShape, isLoopback, type ModuleKind } from './common.ts';

/** What a directory of another make does in another way. */
export const LDAP_DIRECTORIES = ['activeDirectory', 'other'] as const;

const ATTRIBUTE = /^[A-Za-z][A-Za-z0-9;-]{0,99}$/;
const attribute = (usual: string) =>
  z.string().trim().regex(ATTRIBUTE, 'expected the name of an attribute').default(usual);
const dn = z.string().trim().max(1000);

function isCertificate(pem: string): boolean {
  try {
    return pem
      .split(/(?<=-----END CERTIFICATE-----)/)
      .filter((part) => part.trim())
      .every((part) => new X509Certificate(part));
  } catch {
    return false;
  }
}

/** `ldap:` and `ldaps:` with host and port alone. */
function isAddress(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : null;
  const isPlain = url !== null && !url.username && !url.password && !url.hash && !url.search;
  return isPlain && /^ldaps?:$/.test(url.protocol) && /^\/?$/.test(url.pathname) && url.hostname !== '';
}

export const ldapSettingsSchema = z
  .object({
    kind: z.literal('ldap'),
    ...commonShape,
    directory: z.enum(LDAP_DIRECTORIES).default('other'),
    url: z.string().trim().max(500).refine(isAddress, 'expected ldaps://host, or ldap://host for StartTLS'),
    /** Only for `ldap://`. */
    startsTls: z.boolean().default(true),
    /** PEM. Left out: the authorities that Node.js knows. */
    caCertificate: z
      .string()
      .trim()
      .max(50_000)
      .refine((pem) => pem === '' || isCertificate(pem), 'expected certificates in PEM form')
      .default(''),
    /** Empty: anybody may search. */
    bindDn: dn.default(''),
    baseDn: dn.min(1, 'expected the DN below which people are, like ou=people,dc=example,dc=com'),
    userFilter: z
      .string()
      .trim()
      .max(1000)
      .refine((filter) => filter.includes('{login}'), 'expected {login} where the login is to stand')
      .refine((filter) => filter.startsWith('(') && filter.endsWith(')'), 'expected a filter in parentheses'),
    loginAttribute: attribute('uid'),
    nameAttribute: attribute('cn'),
    mailAttribute: attribute('mail'),
    /** What never changes and is never given to somebody else. */
    subjectAttribute: attribute('entryUUID'),
    /** Empty: the same as of people. */
    groupBaseDn: dn.default(''),
    groupNameAttribute: attribute('cn'),
  })
  .refine(
    ({ url, startsTls }) =>
      url.startsWith('ldaps:') || startsTls || (isAddress(url) && isLoopback(new URL(url).hostname)),
    {
      path: ['startsTls'],
      message:
        'passwords go over TLS: take ldaps:// or StartTLS; without either, only a directory on the server’s own machine',
    },
  );
export type LdapSettings = z.infer<typeof ldapSettingsSchema>;

export const ldapKind: ModuleKind<LdapSettings> = {
  schema: ldapSettingsSchema,
  secretField: 'ldap.bindPassword',
  needsSecret: ({ bindDn }) => bindDn !== '',
  // Whoever may change the address, what proves it, or the account must know the password himself.
  isMoved: (before, after) =>
    before.url !== after.url ||
    before.bindDn !== after.bindDn ||
    before.startsTls !== after.startsTls ||
    before.caCertificate !== after.caCertificate,
  addressOf: ({ url }) => url,
  startPath: () => null,
  callbackPath: () => null,
};
