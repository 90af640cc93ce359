import { type Failure, type FailureClass, failure } from '@easel/schema/failure';

/** The platform cannot do what was asked, and will not be able to by itself: the environment fails with this. */
export class PlatformRefusal extends Error {
  readonly failure: Failure;

  constructor(failureClass: FailureClass, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'PlatformRefusal';
    this.failure = failure({ class: failureClass, message });
  }
}
