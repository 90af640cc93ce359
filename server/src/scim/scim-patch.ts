/**
 * PATCH (RFC 7644 §3.5.2) as a function from a resource to a resource, with what directories send besides the standard: Entra ID's
 * capital letters, booleans as text and members to remove in the value; Okta's operations without a path.
 */
import { z } from 'zod';
import { badRequest } from './scim-error.ts';
import { type Comparison, ENTERPRISE_USER, type Path, parsePath } from './scim-path.ts';

type Json = Record<string, unknown>;

/** Entra ID sends members by the hundred. */
const MAX_OPERATIONS = 1000;

const patchSchema = z.object({
  Operations: z
    .array(
      z.object({
        op: z.string().transform((op) => op.toLowerCase()),
        path: z.string().nullish(),
        value: z.unknown().optional(),
      }),
    )
    .min(1)
    .max(MAX_OPERATIONS),
});

/** `names` are the attributes that there are, as they are spelled; others are passed over. */
export function applyPatch(resource: Json, body: unknown, names: readonly string[]): Json {
  const parsed = patchSchema.safeParse(body);
  if (!parsed.success) {
    throw badRequest('invalidSyntax', `expected Operations, 1 to ${MAX_OPERATIONS}, each with an op`);
  }
  let changed = resource;
  for (const { op, path, value } of parsed.data.Operations) {
    if (!['add', 'replace', 'remove'].includes(op)) {
      throw badRequest('invalidSyntax', `expected add, replace or remove; got "${op.slice(0, 50)}"`);
    }
    const isAdded = op === 'add';
    if (op === 'remove') {
      if (!path) throw badRequest('noTarget', 'remove needs a path');
      changed = remove(changed, spelled(parsePath(path), names), value);
    } else if (path) {
      changed = set(changed, spelled(parsePath(path), names), value, isAdded);
    } else {
      if (!isObject(value)) throw badRequest('invalidValue', 'without a path, the value is an object of attributes');
      for (const [key, inner] of Object.entries(value)) {
        // An attribute that a directory invents does not spoil the others.
        const target = knownPath(key);
        if (target) changed = set(changed, spelled(target, names), inner, isAdded);
      }
    }
  }
  return changed;
}

function knownPath(key: string): Path | null {
  try {
    return parsePath(key);
  } catch {
    return null;
  }
}

/** The attribute as the schema spells it; null for one that there is not. */
type Spelled = Omit<Path, 'attribute'> & { attribute: string | null };

function spelled(path: Path, names: readonly string[]): Spelled {
  const attribute = names.find((name) => name.toLowerCase() === path.attribute.toLowerCase()) ?? null;
  return { ...path, attribute };
}

function set(resource: Json, { attribute, where, sub }: Spelled, value: unknown, isAdded: boolean): Json {
  if (attribute === null) return resource;
  const present = resource[attribute];
  const put = (changed: unknown): Json => ({ ...resource, [attribute]: changed });
  if (where) return put(setWhere(listOf(present), where, sub, value));
  if (sub !== null) {
    if (Array.isArray(present)) return put(present.map((item, at) => (at === 0 ? withSub(item, sub, value) : item)));
    return put(withSub(present, sub, value));
  }
  if (Array.isArray(present) || Array.isArray(value)) {
    const given = listOf(value);
    if (!isAdded) return put(given);
    const fresh = given.filter((item) => !listOf(present).some((known) => isSame(known, item)));
    return put([...listOf(present), ...fresh]);
  }
  return put(isObject(present) && isObject(value) ? { ...present, ...value } : value);
}

function setWhere(list: unknown[], where: Comparison, sub: string | null, value: unknown): unknown[] {
  const change = (item: unknown) =>
    sub !== null ? withSub(item, sub, value) : isObject(value) ? { ...(item as Json), ...value } : value;
  if (list.some((item) => matches(item, where)))
    return list.map((item) => (matches(item, where) ? change(item) : item));
  return [...list, change({ [where.attribute]: where.value })];
}

function remove(resource: Json, { attribute, where, sub }: Spelled, value: unknown): Json {
  if (attribute === null) return resource;
  const present = resource[attribute];
  const put = (changed: unknown): Json => ({ ...resource, [attribute]: changed });
  if (where) {
    if (sub === null) return put(listOf(present).filter((item) => !matches(item, where)));
    return put(listOf(present).map((item) => (matches(item, where) ? withSub(item, sub, undefined) : item)));
  }
  if (sub !== null) return put(withSub(present, sub, undefined));
  // The standard names members in the path; Entra ID does it here as well.
  const named = listOf(value);
  if (Array.isArray(present) && named.length > 0) {
    return put(present.filter((item) => !named.some((gone) => isSame(item, gone))));
  }
  return put(undefined);
}

function withSub(item: unknown, sub: string, value: unknown): Json {
  const present = isObject(item) ? item : {};
  const name = Object.keys(present).find((key) => key.toLowerCase() === sub.toLowerCase()) ?? sub;
  return { ...present, [name]: value };
}

function matches(item: unknown, { attribute, value }: Comparison): boolean {
  if (!isObject(item)) return false;
  const found = Object.entries(item).find(([key]) => key.toLowerCase() === attribute)?.[1];
  return typeof found === 'string' && typeof value === 'string'
    ? found.toLowerCase() === value.toLowerCase()
    : found === value;
}

function isSame(one: unknown, other: unknown): boolean {
  if (isObject(one) && isObject(other) && one.value !== undefined) return one.value === other.value;
  return JSON.stringify(one) === JSON.stringify(other);
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : value === undefined || value === null ? [] : [value];
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Attributes of a user that are kept and given back. */
export const USER_ATTRIBUTES = [
  'userName',
  'externalId',
  'active',
  'displayName',
  'name',
  'nickName',
  'title',
  'preferredLanguage',
  'locale',
  'timezone',
  'emails',
  'phoneNumbers',
  ENTERPRISE_USER,
] as const;
export const GROUP_ATTRIBUTES = ['displayName', 'externalId', 'members'] as const;
