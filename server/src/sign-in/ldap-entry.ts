/** What an entry of a directory says of a person. Pure. */
import type { Entry } from 'ldapts';
import { type Claims, domainOf } from './claims.ts';
import type { LdapSettings } from './kinds/ldap.ts';

/** Asked for besides what the module names; not given unless asked for by name. */
export const STATE_ATTRIBUTES = ['userAccountControl', 'accountExpires', 'nsAccountLock', 'pwdAccountLockedTime'];

/** A directory's names of attributes have no case. */
export function valuesOf(entry: Entry, attribute: string): (string | Buffer)[] {
  const wanted = attribute.toLowerCase();
  const value = Object.entries(entry).find(([name]) => name.toLowerCase() === wanted)?.[1];
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}

function textOf(entry: Entry, attribute: string): string | null {
  const text = valuesOf(entry, attribute)[0]?.toString().trim();
  return text ? text : null;
}

/** The bytes of the identifying attribute, hexadecimal; null when there is not exactly one value. */
export function subjectOf(entry: Entry, { subjectAttribute }: LdapSettings): string | null {
  const [value, ...others] = valuesOf(entry, subjectAttribute);
  if (value === undefined || others.length > 0 || value.length === 0 || value.length > 100) return null;
  return Buffer.from(value as string).toString('hex');
}

/** Null without a subject. The address is as good as whoever may write it into the directory. */
export function claimsOfEntry(entry: Entry, settings: LdapSettings): Claims | null {
  const subject = subjectOf(entry, settings);
  if (subject === null) return null;
  const email = textOf(entry, settings.mailAttribute);
  return {
    subject,
    name: textOf(entry, settings.nameAttribute)?.slice(0, 100) ?? null,
    preferredLogin: textOf(entry, settings.loginAttribute),
    verifiedEmail: email !== null && domainOf(email) !== null ? email : null,
    groups: null,
  };
}

const DISABLED_FLAG = 0x2;
/** Both mean never. Source: Microsoft, Account-Expires attribute. */
const NEVER = new Set(['0', '9223372036854775807']);
/** Between 1601, from which Active Directory counts, and 1970, in milliseconds. */
const EPOCH_OFFSET_MS = 11_644_473_600_000n;

/**
 * Whether the directory lets this person in at all. Active Directory: userAccountControl and accountExpires (100 ns since 1601).
 * 389 Directory Server and FreeIPA: nsAccountLock. OpenLDAP's ppolicy: a lock without an end.
 */
export function isActive(entry: Entry, now: number): boolean {
  const control = Number(textOf(entry, 'userAccountControl') ?? 0);
  if (!Number.isInteger(control) || (control & DISABLED_FLAG) !== 0) return false;
  if (textOf(entry, 'nsAccountLock')?.toLowerCase() === 'true') return false;
  if (textOf(entry, 'pwdAccountLockedTime')?.startsWith('000001010000')) return false;
  const expires = textOf(entry, 'accountExpires');
  if (expires === null || NEVER.has(expires)) return true;
  return /^\d{1,19}$/.test(expires) && Number(BigInt(expires) / 10_000n - EPOCH_OFFSET_MS) > now;
}
