/**
 * Text of others on a terminal. Names, reasons and log lines come from workers and repositories: escape sequences in them
 * could move the cursor, set the title or make the terminal type. Only the colours of log lines are kept.
 */

/** Strings such as titles and links (ECMA-48 §5.6), then control sequences (§5.4), then any other escape. */
const SEQUENCES =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about
  /(?:\u001b[\]PX^_]|[\u0090\u0098\u009d-\u009f]).*?(?:\u0007|\u001b\\|\u009c|$)|(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]?|\u001b[ -/]*[0-~]?/gs;
/** C0 without tab and line feed, C1, and what turns the direction of writing (Unicode Annex 9). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about
const COLORS = /(\u001b\[[0-9;:]*m)/;
const RESET = '\u001b[0m';

/** One line of plain text: no escape sequences, no control characters, no changes of direction. */
export function plain(text: string): string {
  return withoutControls(text.replace(/\s*[\r\n]+\s*/g, ' ')).replaceAll('\t', ' ');
}

/** A line with its colours, which end with it; all other sequences are gone. */
export function colored(line: string): string {
  const parts = line.split(COLORS);
  const text = parts.map((part, index) => (index % 2 === 1 ? part : withoutControls(part))).join('');
  return parts.length > 1 ? `${text}${RESET}` : text;
}

function withoutControls(text: string): string {
  return text.replace(SEQUENCES, '').replace(CONTROLS, '');
}
