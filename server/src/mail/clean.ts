/**
 * What strangers can put into a mail of ours: names of people, environments, tokens. They stay one line, short, without
 * characters that reorder or hide text, and without anything that a mail program makes a link of: an invitation must not carry
 * somebody's advertisement. Escaping for HTML is the layout's, for everything alike.
 */
const MAX_LENGTH = 200;

/** Control characters, line separators, and those that change the direction of text or are not seen. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are meant.
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+/g;
const WORD_JOINER = '\u2060';

/** A value as it may stand in a sentence. */
export function cleanValue(text: string): string {
  const line = text.replace(UNSEEN, ' ').replace(/\s+/g, ' ').trim();
  const short = line.length > MAX_LENGTH ? `${line.slice(0, MAX_LENGTH - 1).toWellFormed()}…` : line;
  // A dot between letters, a scheme and an at-sign are what programs look for; a joiner that is not seen hides them.
  return short.replace(/([.@:])(?=\S)/g, `$1${WORD_JOINER}`);
}

/** One line of a header: nothing can begin another one. */
export function headerLine(text: string): string {
  return text
    .replace(UNSEEN, (found) => (found === WORD_JOINER ? '' : ' '))
    .trim()
    .slice(0, 200);
}

export function escapeHtml(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? '');
}
