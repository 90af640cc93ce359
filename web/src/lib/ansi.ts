/**
 * Terminal text as segments with a look. Only colours and weight of SGR sequences (ECMA-48 §8.3.117) are kept; cursor
 * movements, titles and other control characters are dropped, and of text that was written over (`\r`) the last remains.
 * The input is what a program inside printed: it ends as text nodes and class names of ours, never as HTML.
 */
export type Segment = { text: string; look: string; isMatch: boolean };

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this file is about.
const ESCAPES = /\u001b(?:\[([0-9;:]*)([@-~])|\][^\u0007\u001b]*(?:\u0007|\u001b\\|$)|[@-Z\\^_]|[ -/]+[0-~])/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: same.
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

const COLOURS = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'] as const;

function lastWritten(text: string): string {
  const trimmed = text.replace(/\r+$/, '');
  return trimmed.slice(trimmed.lastIndexOf('\r') + 1);
}

/** The text without any escape sequence or control character. */
export function plainText(text: string): string {
  return lastWritten(text).replace(ESCAPES, '').replace(CONTROLS, '').replaceAll('\t', '    ');
}

type Look = { colour: string; isBold: boolean; isDim: boolean };

function applySgr(look: Look, parameters: string): Look {
  let next = { ...look };
  const codes = parameters === '' ? [0] : parameters.split(/[;:]/).map(Number);
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] ?? 0;
    if (code === 0) next = { colour: '', isBold: false, isDim: false };
    else if (code === 1) next.isBold = true;
    else if (code === 2) next.isDim = true;
    else if (code === 22) next = { ...next, isBold: false, isDim: false };
    else if (code >= 30 && code <= 37) next.colour = COLOURS[code - 30] ?? '';
    else if (code >= 90 && code <= 97) next.colour = COLOURS[code - 90] ?? '';
    else if (code === 39) next.colour = '';
    else if (code === 38 || code === 48) {
      // 38;5;n and 38;2;r;g;b: of the 256 colours the first 16 are the named ones, the rest stay plain.
      const isIndexed = codes[i + 1] === 5;
      const index = codes[i + 2] ?? 16;
      if (code === 38) next.colour = isIndexed && index < 16 ? (COLOURS[index % 8] ?? '') : '';
      i += isIndexed ? 2 : 4;
    }
  }
  return next;
}

const classOf = (look: Look): string =>
  [look.colour && `ansi-${look.colour}`, look.isBold && 'font-semibold', look.isDim && 'opacity-75']
    .filter(Boolean)
    .join(' ');

/** The line as segments, the places where `term` occurs (case does not matter) marked. */
export function segmentsOf(line: string, term: string): Segment[] {
  const text = lastWritten(line);
  const pieces: { text: string; look: string }[] = [];
  let look: Look = { colour: '', isBold: false, isDim: false };
  let at = 0;
  for (const match of text.matchAll(ESCAPES)) {
    pieces.push({ text: text.slice(at, match.index), look: classOf(look) });
    at = match.index + match[0].length;
    if (match[2] === 'm') look = applySgr(look, match[1] ?? '');
  }
  pieces.push({ text: text.slice(at), look: classOf(look) });
  const clean = pieces
    .map((piece) => ({ ...piece, text: piece.text.replace(CONTROLS, '').replaceAll('\t', '    ') }))
    .filter((piece) => piece.text !== '');
  return term === '' ? clean.map((piece) => ({ ...piece, isMatch: false })) : mark(clean, term);
}

function mark(pieces: { text: string; look: string }[], term: string): Segment[] {
  const whole = pieces
    .map((piece) => piece.text)
    .join('')
    .toLowerCase();
  const needle = term.toLowerCase();
  const starts: number[] = [];
  for (let at = whole.indexOf(needle); at !== -1; at = whole.indexOf(needle, at + needle.length)) starts.push(at);
  const isInside = (offset: number) => starts.some((start) => offset >= start && offset < start + needle.length);
  const cuts = new Set(starts.flatMap((start) => [start, start + needle.length]));
  const segments: Segment[] = [];
  let offset = 0;
  for (const piece of pieces) {
    let from = 0;
    for (let i = 1; i <= piece.text.length; i++) {
      if (i !== piece.text.length && !cuts.has(offset + i)) continue;
      segments.push({ text: piece.text.slice(from, i), look: piece.look, isMatch: isInside(offset + from) });
      from = i;
    }
    offset += piece.text.length;
  }
  return segments;
}
