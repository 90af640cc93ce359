/** Queries and subscriptions as runes. Both live as long as the effect that made them, and start again when variables change. */
import type { AnyVariables, DocumentInput } from '@urql/core';
import { untrack } from 'svelte';
import { type Api, type Problem, problemOf } from './client.ts';

export type Live<Data> = { readonly data: Data | undefined; readonly problem: Problem | null; again(): void };

/** What the cache knows at once, then what the server says, then every later change of the cache. */
export function query<Data, Variables extends AnyVariables>(
  api: Api,
  document: DocumentInput<Data, Variables>,
  variables: () => Variables,
): Live<Data> {
  let data = $state.raw<Data>();
  let problem = $state.raw<Problem | null>(null);
  let round = $state(0);
  // After a lost connection what the cache has may be old: everything on show is asked again.
  const connections = $derived(Math.max(1, api.connection.openings));
  $effect(() => {
    void round;
    void connections;
    const asked = api.client.query(document, variables(), { requestPolicy: 'cache-and-network' });
    // Answers from the cache come while this effect still runs; what they read is not what it depends on.
    return untrack(
      () =>
        asked.subscribe((result) => {
          if (result.data !== undefined) data = result.data;
          problem = result.error ? problemOf(result.error) : null;
        }).unsubscribe,
    );
  });
  return {
    get data() {
      return data;
    },
    get problem() {
      return problem;
    },
    again() {
      round += 1;
    },
  };
}

/** Calls `onData` with every message until the effect ends. Reconnects by itself; `onProblem` gets what cannot be retried. */
export function listen<Data, Variables extends AnyVariables>(
  api: Api,
  document: DocumentInput<Data, Variables>,
  options: {
    variables: () => Variables;
    onData: (data: Data) => void;
    onProblem?: (problem: Problem) => void;
  },
): void {
  $effect(() => {
    const asked = api.client.subscription(document, options.variables());
    return untrack(
      () =>
        asked.subscribe((result) => {
          if (result.error) options.onProblem?.(problemOf(result.error));
          if (result.data !== undefined) options.onData(result.data);
        }).unsubscribe,
    );
  });
}

/** The newest message of a subscription. */
export function watch<Data, Variables extends AnyVariables>(
  api: Api,
  document: DocumentInput<Data, Variables>,
  variables: () => Variables,
): Live<Data> {
  let data = $state.raw<Data>();
  let problem = $state.raw<Problem | null>(null);
  let round = $state(0);
  listen(api, document, {
    variables: () => {
      void round;
      return variables();
    },
    onData: (next) => {
      data = next;
      problem = null;
    },
    onProblem: (next) => {
      problem = next;
    },
  });
  return {
    get data() {
      return data;
    },
    get problem() {
      return problem;
    },
    again() {
      round += 1;
    },
  };
}
