/** The languages that mails and notifications are written in. The interface itself speaks English. */
export const LANGUAGES = ['en', 'de'] as const;
export type Language = (typeof LANGUAGES)[number];

/** The same sentence in every language: one that is missing is a type error. */
export type InEach<Text> = Record<Language, Text>;

/** A word of the database; what this release does not know is English. */
export function languageOf(word: string | null): Language {
  return LANGUAGES.find((language) => language === word) ?? 'en';
}

/** What a browser asks for by `Accept-Language` (RFC 9110 §12.5.4), the dearest first. */
export function languageOfBrowser(header: string | undefined): Language {
  const wishes = (header ?? '')
    .slice(0, 500)
    .split(',')
    .map((wish) => {
      const [tag = '', weight = ''] = wish.trim().split(/;\s*q=/);
      return { tag: tag.slice(0, 2).toLowerCase(), weight: weight === '' ? 1 : Number(weight) || 0 };
    });
  const known = wishes.sort((a, b) => b.weight - a.weight).find(({ tag }) => LANGUAGES.some((one) => one === tag));
  return languageOf(known?.tag ?? null);
}
