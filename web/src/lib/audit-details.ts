/** What an entry of the audit log says, as lines that a person reads. */
export interface Change {
  field: string;
  /** Texts; of lists only what went and what came. */
  from: string[];
  to: string[];
}

/** What a thing was like before and is like after; none where nothing was looked at. */
export function changesIn(details: unknown): Change[] {
  const { changes } = isRecord(details) ? details : {};
  if (!isRecord(changes)) return [];
  return Object.entries(changes).map(([field, change]) => {
    const { from, to } = isRecord(change) ? change : {};
    if (!Array.isArray(from) || !Array.isArray(to)) return { field, from: textsOf(from), to: textsOf(to) };
    const [before, after] = [from.map(textOf), to.map(textOf)];
    return {
      field,
      from: before.filter((text) => !after.includes(text)),
      to: after.filter((text) => !before.includes(text)),
    };
  });
}

/** What was asked for, each value by its path; lists stay together. */
export function factsIn(details: unknown): { name: string; text: string }[] {
  if (!isRecord(details)) return [];
  const { changes: _changes, ...asked } = details;
  return flat(asked, '');
}

function flat(value: Record<string, unknown>, path: string): { name: string; text: string }[] {
  return Object.entries(value).flatMap(([key, inner]) => {
    const name = path ? `${path}.${key}` : key;
    if (isRecord(inner) && Object.keys(inner).length > 0) return flat(inner, name);
    return inner === null ? [] : [{ name, text: textOf(inner) }];
  });
}

/** Nothing and an empty text leave no line. */
function textsOf(value: unknown): string[] {
  return value === null || value === undefined || value === '' ? [] : [textOf(value)];
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value) && value.every((one) => typeof one !== 'object')) return value.join(', ');
  return JSON.stringify(value, null, 1);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
