/** What can be wrong with a provider's answer: a sentence for the person, and a reason for the log. */

const SENTENCES = {
  malformed: 'was not good: try again, or ask an administrator',
  signature: 'was not signed as it has to be: ask an administrator',
  algorithm: 'was signed or encrypted in a way that is not safe any more: ask an administrator',
  decryption: 'could not be opened: ask an administrator to give the provider our certificate again',
  time: 'was not valid at this time: try again, or ask an administrator to look at the clocks',
  audience: 'was meant for another service: ask an administrator',
  issuer: 'came from somebody else: ask an administrator',
  request: 'did not belong to this sign-in: try again',
  replayed: 'was used before: try again',
  refused: 'said no: try again, or ask an administrator whether you may',
  subject: 'did not say who you are: ask an administrator',
} as const;

export type SamlProblemKind = keyof typeof SENTENCES;

export class SamlProblem extends Error {
  readonly kind: SamlProblemKind;
  /** What to do about it, where the administrator can do something in particular. */
  readonly advice: string | null;

  constructor(kind: SamlProblemKind, reason: string, options: { cause?: unknown; advice?: string } = {}) {
    super(reason, { cause: options.cause });
    this.kind = kind;
    this.advice = options.advice ?? null;
  }

  /** The one sentence for the person on the sign-in page. */
  sentence(moduleName: string): string {
    if (this.advice) return `the answer of ${moduleName} ${this.advice}`;
    return this.kind === 'refused'
      ? `${moduleName} ${SENTENCES.refused}`
      : `the answer of ${moduleName} ${SENTENCES[this.kind]}`;
  }
}
