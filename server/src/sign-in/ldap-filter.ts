/** Filters with values that people have typed in them. Pure. Source: RFC 4515 section 3. */
import { AndFilter, EqualityFilter, type Filter, FilterParser } from 'ldapts';

/**
 * All of ASCII but letters and digits as `\xx`: more than must be, so nothing can be forgotten. The rest stays as it is, since
 * the library takes `\xx` for a character, not for a byte, and writes it in UTF-8 anyway.
 */
export function escapeValue(value: string): string {
  return value.replace(
    /[^A-Za-z0-9\u{80}-\u{10ffff}]/gu,
    (char) => `\\${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

/** The module's filter for this login. */
export function loginFilter(template: string, login: string): string {
  return template.replaceAll('{login}', () => escapeValue(login));
}

/** Finds the one with this subject (hexadecimal, as `subjectOf` gives it), if he still matches the module's filter under any login. */
export function subjectFilter(template: string, attribute: string, subject: string): Filter {
  const anybody = FilterParser.parseString(template.replaceAll('{login}', '*'));
  return new AndFilter({ filters: [anybody, new EqualityFilter({ attribute, value: Buffer.from(subject, 'hex') })] });
}

/** Active Directory follows membership through groups in groups by itself: LDAP_MATCHING_RULE_IN_CHAIN. */
export function inChainFilter(dn: string): string {
  return `(member:1.2.840.113556.1.4.1941:=${escapeValue(dn)})`;
}

/** Groups that have this one as a direct member. */
export function memberFilter(dn: string): string {
  return `(|(member=${escapeValue(dn)})(uniqueMember=${escapeValue(dn)}))`;
}
