/**
 * Makes what a worker said fit for PostgreSQL, which takes no NUL in text and no half of a surrogate pair in JSON. A worker is
 * not trusted: without this one such character would keep a whole batch of others from being stored.
 */
export function cleanText<T>(value: T): T {
  if (typeof value === 'string') return value.replaceAll('\0', '').toWellFormed() as T;
  if (Array.isArray(value)) return value.map(cleanText) as T;
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, cleanText(inner)])) as T;
}
