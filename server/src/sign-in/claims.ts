/** What a provider says of somebody, and what may be believed. Pure. */
import { suggestLogin } from '@easel/schema/login';

export interface Claims {
  subject: string;
  name: string | null;
  preferredLogin: string | null;
  /** Only where it is certain that the provider has verified the address. */
  verifiedEmail: string | null;
  /** Null when the provider says nothing of groups, which is not the same as none. */
  groups: readonly string[] | null;
}

/** More are a mistake; what comes after them does not count. */
const MAX_GROUPS = 1000;

const text = (value: unknown): string | null =>
  typeof value === 'string' && value.trim() !== '' ? value.trim() : null;

/** Of an ID token whose signature, issuer, audience, nonce and times were checked. */
export function claimsOf(token: Record<string, unknown>, groupsClaim = 'groups'): Claims | null {
  const subject = text(token.sub);
  if (subject === null || subject.length > 255) return null;
  const email = text(token.email);
  const isVerified = token.email_verified === true && email !== null && domainOf(email) !== null;
  return {
    subject,
    name: text(token.name)?.slice(0, 100) ?? null,
    preferredLogin: text(token.preferred_username),
    verifiedEmail: isVerified ? email : null,
    groups: groupsOf(Object.hasOwn(token, groupsClaim) ? token[groupsClaim] : undefined),
  };
}

/** A list of names, or one name; anything else in a list is passed over. */
export function groupsOf(claim: unknown): string[] | null {
  if (claim === undefined || claim === null) return null;
  const names = (Array.isArray(claim) ? claim : [claim]).slice(0, MAX_GROUPS).flatMap((name) => text(name) ?? []);
  return [...new Set(names.filter((name) => name.length <= 200))];
}

/** The domain, in the form that DNS has; null for what is not one plain address. */
export function domainOf(email: string): string | null {
  const parts = /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@([A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?)$/.exec(email);
  return parts?.[1]?.toLowerCase() ?? null;
}

/** Whether the address is of one of the domains themselves: neither a part nor a suffix of one counts. */
export function isAllowed(verifiedEmail: string | null, domains: readonly string[]): boolean {
  if (domains.length === 0) return true;
  const domain = verifiedEmail === null ? null : domainOf(verifiedEmail);
  return domain !== null && domains.includes(domain);
}

/** Logins to try for a new user, the likeliest first. */
export function loginsFor({ preferredLogin, verifiedEmail, name }: Claims): string[] {
  const base =
    [preferredLogin, verifiedEmail, name].map((source) => suggestLogin(source ?? '')).find(Boolean) ?? 'user';
  return [base, ...Array.from({ length: 98 }, (_, index) => `${base.slice(0, 60)}-${index + 2}`)];
}
