/**
 * What a token is for. A token never may more than its owner at that moment: what it may is what its owner may *and* what its
 * scopes say. Without scopes it is all that its owner may. This is the one place where scopes become rights.
 *
 * Scopes are permissions, and two words for what takes no permission since it is one's own: `environment.enter` and `account`.
 * Sets are kept as their word, so that `read` reads what a later release has to read.
 */
import { narrowed, type Rights } from './rights.ts';
import { ALL_PERMISSIONS, isPermission, PERMISSIONS, type Permission } from './roles.ts';

/** What takes no permission, or less than a permission. */
const OWN_SCOPES = {
  'environment.enter': 'go into their own environments: SSH, ports, IDEs, snapshots of what is inside',
  account:
    'everything of their own account: password, sign-in, keys, sessions and tokens. Whoever holds it can do all that they can',
} as const;

/** Handy sets, each the scopes that it stands for. */
const SETS = {
  read: {
    description: 'see what they may see, and change nothing',
    scopes: ['environment.view', 'template.view', 'platform.inspect', 'user.view', 'audit.view'],
  },
  environments: {
    description: 'create, start, stop, delete and enter their own environments',
    scopes: ['environment.use', 'environment.enter', 'template.view'],
  },
} as const satisfies Record<string, { description: string; scopes: readonly (Permission | keyof typeof OWN_SCOPES)[] }>;

/** One thing that a token may be for. */
export type Scope = Permission | keyof typeof OWN_SCOPES;
/** A scope or the word of a set, as it is kept. */
export type ScopeWord = Scope | keyof typeof SETS;

export const SCOPE_WORDS = [
  ...Object.keys(SETS),
  ...Object.keys(OWN_SCOPES),
  ...ALL_PERMISSIONS,
] as readonly ScopeWord[] as readonly [ScopeWord, ...ScopeWord[]];

export interface ScopeInfo {
  name: ScopeWord;
  description: string;
  /** Of a set: what it stands for. */
  includes: readonly Scope[];
}

export const SCOPES: readonly ScopeInfo[] = SCOPE_WORDS.map((name) => {
  if (isSet(name)) return { name, description: SETS[name].description, includes: SETS[name].scopes };
  return { name, description: isPermission(name) ? PERMISSIONS[name] : OWN_SCOPES[name], includes: [] };
});

function isSet(word: string): word is keyof typeof SETS {
  return Object.hasOwn(SETS, word);
}

/** What is kept, as scopes; null is all. A word that this release does not know gives nothing. */
export function scopesOf(kept: unknown): ReadonlySet<Scope> | null {
  if (kept === null || kept === undefined) return null;
  const words = Array.isArray(kept) ? kept.filter((word): word is string => typeof word === 'string') : [];
  return new Set(words.flatMap((word) => (isSet(word) ? SETS[word].scopes : isScope(word) ? [word] : [])));
}

function isScope(word: string): word is Scope {
  return isPermission(word) || Object.hasOwn(OWN_SCOPES, word);
}

/** What a token with these scopes may, of what its owner may. Entering takes the permission to use; `may.ts` tells them apart. */
export function withinScopes(rights: Rights, scopes: ReadonlySet<Scope> | null): Rights {
  if (scopes === null) return rights;
  const permissions = [...scopes].flatMap((scope): Permission[] =>
    isPermission(scope) ? [scope] : scope === 'environment.enter' ? ['environment.use'] : [],
  );
  return narrowed(rights, new Set(permissions));
}

/** Says whether somebody with these scopes may make a token with those. */
export function covers(holder: ReadonlySet<Scope> | null, wanted: ReadonlySet<Scope> | null): boolean {
  return holder?.has('account') === true || isWithin(holder, wanted);
}

/** Says whether the most that is given holds all that is wanted; null is all. */
export function isWithin(most: ReadonlySet<Scope> | null, wanted: ReadonlySet<Scope> | null): boolean {
  return most === null || (wanted !== null && [...wanted].every((scope) => most.has(scope)));
}

/** SQL that says whether a token that `scopes` are kept of may enter environments. */
export const mayEnterSql = (scopes: string) =>
  `(${scopes} IS NULL OR jsonb_exists_any(${scopes}, ARRAY['environment.enter', 'environments']))`;

/** The same text for the same scopes. */
export function scopesKey(scopes: ReadonlySet<Scope> | null | undefined): string {
  return scopes ? `only ${[...scopes].sort().join(',')}` : 'all';
}
