/** The code that `easel sign-in --device` shows; the server knows which there are. */
const LETTERS = 8;

function lettersOf(typed: string): string {
  return typed.toUpperCase().replace(/[\s-]/g, '');
}

/** Eight consonants. */
export function looksLikeCode(typed: string): boolean {
  return /^[BCDFGHJ-NP-TV-XZ]{8}$/.test(lettersOf(typed));
}

/** As the command shows it. */
export function shownCode(typed: string): string {
  const letters = lettersOf(typed);
  return letters.length === LETTERS ? `${letters.slice(0, LETTERS / 2)}-${letters.slice(LETTERS / 2)}` : letters;
}
