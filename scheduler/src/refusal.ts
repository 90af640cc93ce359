import { type Failure, type FailureClass, failure } from '@easel/schema/failure';

/** The platform cannot do what was asked, and will not be able to by itself: the environment fails with this. */
export class PlatformRefusal extends Error {
  readonly failure: Failure;

  constructor(failureClass: FailureClass, message: string, options?: { cause?: unknown; advice?: string }) {
    super(message, options);
    this.name = 'PlatformRefusal';
    const advice = options?.advice;
    this.failure = failure({ class: failureClass, message, ...(advice === undefined ? {} : { advice }) });
  }
}

/** The platform has no room yet. The message is one whole sentence that says what is waited for. */
export class PlatformBusy extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'PlatformBusy';
  }
}
