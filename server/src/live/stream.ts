/** What a change gave: values to send on, and whether they were the last. */
export type Read<Value> = readonly Value[] | { last: readonly Value[] };

/**
 * "Subscribe = list, then stream", for the `subscribe` of a GraphQL field: `read(null)` gives the whole at the start, then
 * `read(change)` what each change makes of it, read anew. An async generator would not do: its `return` waits for the
 * pending `next`, so a client that leaves a quiet environment would leave its subscription behind.
 *
 * Make `changes` before the first read (as an argument it is), so that nothing falls between the list and the stream.
 */
export function liveStream<Change, Value>(
  changes: AsyncIterableIterator<Change>,
  read: (change: Change | null) => Promise<Read<Value>>,
): AsyncIterableIterator<Value> {
  const ready: Value[] = [];
  let hasStarted = false;
  let isLast = false;

  const end = async (): Promise<IteratorResult<Value, undefined>> => {
    isLast = true;
    ready.length = 0;
    await changes.return?.();
    return { done: true, value: undefined };
  };
  const next = async (): Promise<IteratorResult<Value, undefined>> => {
    for (;;) {
      const value = ready.shift();
      if (value !== undefined) return { done: false, value };
      if (isLast) return end();
      let change: Change | null = null;
      if (hasStarted) {
        const result = await changes.next();
        if (result.done) return end();
        change = result.value;
      }
      hasStarted = true;
      try {
        const values = await read(change);
        if (isLast) return end();
        if ('last' in values) isLast = true;
        ready.push(...('last' in values ? values.last : values));
      } catch (err) {
        await end();
        throw err;
      }
    }
  };
  // One `next` after the other, as async generators do it.
  let last: Promise<unknown> = Promise.resolve();
  return {
    next() {
      const result = last.then(next);
      last = result.catch(() => undefined);
      return result;
    },
    return: end,
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
