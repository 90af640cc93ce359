/** A hint that something has changed, for any number of watchers; each begins with one, since what is there is new to it. */
export interface Changes {
  tell(): void;
  watch(): AsyncGenerator<void>;
  /** How often somebody has begun to watch. */
  readonly watched: number;
}

export function createChanges(): Changes {
  const wakes = new Set<() => void>();
  let watched = 0;
  return {
    tell() {
      for (const wake of wakes) wake();
    },
    get watched() {
      return watched;
    },
    async *watch() {
      let isNew = true;
      let wake: (() => void) | undefined;
      const onChange = () => {
        isNew = true;
        wake?.();
      };
      wakes.add(onChange);
      watched++;
      try {
        while (true) {
          if (!isNew) await new Promise<void>((resolve) => (wake = resolve));
          isNew = false;
          yield;
        }
      } finally {
        wakes.delete(onChange);
      }
    },
  };
}
