/** Labels, annotations and variables as people type them: `key=value`, one per line. Pure. */

/** Null when a line is not a pair. Blank lines do not count; a value in double quotes is read as a JSON string. */
export function pairsOf(text: string): Record<string, string> | null {
  const pairs: Record<string, string> = {};
  for (const line of text.split('\n')) {
    if (line.trim() === '') continue;
    const at = line.indexOf('=');
    if (at < 1) return null;
    pairs[line.slice(0, at).trim()] = unquoted(line.slice(at + 1).trim());
  }
  return pairs;
}

/** The text that `pairsOf` reads back unchanged: what has line breaks or spaces at its ends is quoted. */
export function linesOf(pairs: Record<string, string>): string {
  return Object.entries(pairs)
    .map(([key, value]) => `${key}=${needsQuotes(value) ? JSON.stringify(value) : value}`)
    .join('\n');
}

/** The entries of a list, one per line. */
export const itemsOf = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

const needsQuotes = (value: string): boolean => /[\n\r]/.test(value) || value !== value.trim() || value.startsWith('"');

function unquoted(text: string): string {
  if (!/^".*"$/s.test(text)) return text;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'string' ? value : text;
  } catch {
    // Quotes that belong to the value.
    return text;
  }
}
