/**
 * Paths and filters (RFC 7644 §3.4.2.2 and §3.5.2), as far as directories send them: `attribute eq "value"`, several with `and`,
 * and paths like `name.givenName`, `emails[type eq "work"].value` or the extension's `urn:…:User:department`. Anything else is
 * refused: a filter that is half understood would find the wrong people.
 */
import { badRequest, type ScimType } from './scim-error.ts';

export const CORE_USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const CORE_GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';
export const ENTERPRISE_USER = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

export interface Comparison {
  /** In lower case. */
  attribute: string;
  value: string | boolean;
}

export interface Path {
  /** In lower case, but for a URN. */
  attribute: string;
  where: Comparison | null;
  sub: string | null;
}

const MAX_TEXT = 1000;
const NAME = '[A-Za-z$][\\w$-]{0,63}';
const VALUE = '"(?:[^"\\\\]|\\\\["\\\\/])*"|true|false';
const COMPARISON = new RegExp(`^\\s*(${NAME})\\s+eq\\s+(${VALUE})\\s*$`, 'i');
const PATH = new RegExp(`^(${NAME})(?:\\[([^\\]]{1,${MAX_TEXT}})\\])?(?:\\.(${NAME}))?$`);

export function parsePath(text: string): Path {
  if (text.length > MAX_TEXT) throw badRequest('invalidPath', 'the path is too long');
  const plain = withoutPrefix(text.trim());
  if (plain.toLowerCase() === ENTERPRISE_USER.toLowerCase())
    return { attribute: ENTERPRISE_USER, where: null, sub: null };
  if (plain.toLowerCase().startsWith(`${ENTERPRISE_USER.toLowerCase()}:`)) {
    const sub = plain.slice(ENTERPRISE_USER.length + 1);
    return { attribute: ENTERPRISE_USER, where: null, sub };
  }
  const [, attribute, filter, sub] = PATH.exec(plain) ?? [];
  if (attribute === undefined) throw badRequest('invalidPath', `the path "${text.slice(0, 100)}" is not understood`);
  const where = filter === undefined ? null : parseComparison(filter, 'invalidPath');
  return { attribute: attribute.toLowerCase(), where, sub: sub ?? null };
}

/** All of them must hold. */
export function parseFilter(text: string): Comparison[] {
  if (text.length > MAX_TEXT) throw badRequest('invalidFilter', 'the filter is too long');
  return splitAtAnd(text).map((part) => {
    const [, path = '', operator = '', value = ''] =
      /^\s*([^\s[]+(?:\[[^\]]*\]\S*)?)\s+(\w+)\s+(.+)$/s.exec(part) ?? [];
    if (operator.toLowerCase() !== 'eq') {
      throw badRequest(
        'invalidFilter',
        `expected attribute eq "value", joined by and; got "${part.trim().slice(0, 100)}"`,
      );
    }
    const { attribute, sub } = parsePath(path);
    const isValue = sub?.toLowerCase() === 'value';
    const name = sub === null || isValue ? attribute : `${attribute}.${sub.toLowerCase()}`;
    return { attribute: name, value: parseValue(value, 'invalidFilter') };
  });
}

function parseComparison(text: string, scimType: ScimType): Comparison {
  const [, attribute, value] = COMPARISON.exec(text) ?? [];
  if (attribute === undefined || value === undefined) {
    throw badRequest(scimType, `expected attribute eq "value" between the brackets, got "${text.slice(0, 100)}"`);
  }
  return { attribute: attribute.toLowerCase(), value: parseValue(value, scimType) };
}

function parseValue(text: string, scimType: ScimType): string | boolean {
  const plain = text.trim();
  if (/^(true|false)$/i.test(plain)) return plain.toLowerCase() === 'true';
  try {
    const value: unknown = JSON.parse(plain);
    if (typeof value === 'string') return value;
  } catch {
    // Said below.
  }
  throw badRequest(scimType, `expected a text in quotes, true or false; got "${plain.slice(0, 100)}"`);
}

/** At each `and` that is neither in quotes nor in brackets. */
function splitAtAnd(text: string): string[] {
  const parts: string[] = [''];
  for (const token of text.match(/"(?:[^"\\]|\\.)*"|\[[^\]]*\]|\s+and\s+|./gis) ?? []) {
    if (/^\s+and\s+$/i.test(token)) parts.push('');
    else parts[parts.length - 1] += token;
  }
  return parts;
}

function withoutPrefix(text: string): string {
  for (const urn of [CORE_USER, CORE_GROUP]) {
    if (text.toLowerCase().startsWith(`${urn.toLowerCase()}:`)) return text.slice(urn.length + 1);
  }
  return text;
}
