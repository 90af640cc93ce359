/** Of all that a provider says: its keys are the longest. */
export const PROVIDER_LIMITS = { timeoutMs: 10_000, maxAnswerBytes: 1_000_000 };
