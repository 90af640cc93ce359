/** Which lines of a long log are in view. Lines without wrapping are all one row high; wrapped ones take what they need. */
export type View = { first: number; last: number; topRows: number; totalRows: number };

/** Characters that take two columns in a monospaced font (East Asian wide, emoji). */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/gu;

export function columnsOf(text: string): number {
  // Plain Latin, the usual case, is its own width.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range is "one byte", not a control character.
  if (/^[\u0000-\u02ff]*$/.test(text)) return text.length;
  return [...text].length + (text.match(WIDE)?.length ?? 0);
}

/** Row at which each line starts, one more for the end. `columns` null: no wrapping. */
export function rowOffsets(lines: readonly { plain: string }[], columns: number | null): Float64Array {
  const offsets = new Float64Array(lines.length + 1);
  for (let i = 0; i < lines.length; i++) {
    const width = columns === null ? 0 : columnsOf(lines[i]?.plain ?? '');
    const rows = columns === null ? 1 : Math.max(1, Math.ceil(width / Math.max(1, columns)));
    offsets[i + 1] = (offsets[i] ?? 0) + rows;
  }
  return offsets;
}

/** The lines between two rows, with `margin` rows more on both sides. */
export function viewOf(offsets: Float64Array, topRow: number, rows: number, margin = 10): View {
  const count = offsets.length - 1;
  const first = lineAt(offsets, topRow - margin);
  const last = Math.min(count, lineAt(offsets, topRow + rows + margin) + 1);
  return { first, last, topRows: offsets[first] ?? 0, totalRows: offsets[count] ?? 0 };
}

/** The line that covers a row. */
function lineAt(offsets: Float64Array, row: number): number {
  let low = 0;
  let high = Math.max(0, offsets.length - 2);
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((offsets[middle] ?? 0) <= row) low = middle;
    else high = middle - 1;
  }
  return low;
}
