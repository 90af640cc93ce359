/** What of an input goes into the audit log: everything but what could be a secret, and nothing without end. */

/** Values under these names never leave the request. */
export const SECRET = /password|secret|token|^current$|^code$|privatekey|^publickey$|^settings$/i;
/** Names of variables are told, their values are not. */
export const NAMES_ONLY = /^(env|variables)$/i;
/** Stands for a value that could be a secret. */
export const NOT_KEPT = '[not kept]';
const MAX_TEXT = 500;
const MAX_ITEMS = 50;
const MAX_DEPTH = 6;

/** A value of any shape as it may be kept, under no name. */
export function textOf(value: unknown): unknown {
  return clean(value, 0);
}

export function detailsOf(args: Record<string, unknown>): Record<string, unknown> {
  return clean(args, 0) as Record<string, unknown>;
}

function clean(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return withoutCredentials(value).slice(0, MAX_TEXT);
  if (value instanceof Date) return value.toISOString();
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return value;
  if (typeof value !== 'object' || depth > MAX_DEPTH) return null;
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map((inner) => clean(inner, depth + 1));
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  return Object.fromEntries(
    entries.slice(0, MAX_ITEMS).map(([key, inner]) => {
      if (NAMES_ONLY.test(key)) return [key, typeof inner === 'object' && inner ? Object.keys(inner) : null];
      return [key, SECRET.test(key) && typeof inner !== 'boolean' ? NOT_KEPT : clean(inner, depth + 1)];
    }),
  );
}

/** `https://user:password@host/` without its middle. */
function withoutCredentials(text: string): string {
  return text.replace(/(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@]*@/gi, '$1');
}
