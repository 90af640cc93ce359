/** Why Easel cannot start here: one sentence for the person, with what to do. Shown without a stack. */
export class StartProblem extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'StartProblem';
  }
}
