/** Counts what comes in against two budgets, of messages and of bytes, that refill with time (token buckets). */
export interface Meter {
  count(bytes: number): void;
  /** How long to read nothing, until neither budget is overdrawn. */
  waitMs(): number;
}

interface Budget {
  burst: number;
  perSecond: number;
}

export function createMeter(budgets: { messages: Budget; bytes: Budget }): Meter {
  const left = { messages: budgets.messages.burst, bytes: budgets.bytes.burst };
  let countedAtMs = performance.now();

  const refill = () => {
    const nowMs = performance.now();
    const seconds = (nowMs - countedAtMs) / 1000;
    countedAtMs = nowMs;
    for (const kind of ['messages', 'bytes'] as const) {
      left[kind] = Math.min(budgets[kind].burst, left[kind] + seconds * budgets[kind].perSecond);
    }
  };
  return {
    count(bytes) {
      refill();
      left.messages -= 1;
      left.bytes -= bytes;
    },
    waitMs() {
      refill();
      const owed = (kind: 'messages' | 'bytes') =>
        left[kind] >= 0 ? 0 : (-left[kind] / budgets[kind].perSecond) * 1000;
      return Math.ceil(Math.max(owed('messages'), owed('bytes')));
    },
  };
}
