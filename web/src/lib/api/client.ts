/**
 * The one client of the API in the browser: queries and mutations by HTTP, subscriptions by the socket of `connection`, one
 * normalised cache behind both, so that a mutation's answer shows on every page at once.
 */
import { type AnyVariables, Client, type DocumentInput, fetchExchange, subscriptionExchange } from '@urql/core';
import { cacheExchange } from '@urql/exchange-graphcache';
import { cacheOptions } from './cache.ts';
import { Connection } from './connection.svelte.ts';

/** Reads are tried again: a network that changes under the browser fails what is on its way. */
const READ_ATTEMPTS = 3;
const READ_PAUSE_MS = 300;

export class Api {
  readonly connection: Connection;
  readonly client: Client;
  readonly #onSignedOut: () => void;

  constructor(options: { origin: string; onSignedOut: () => void }) {
    const url = new URL('/graphql', options.origin);
    const socketUrl = new URL(url);
    socketUrl.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    this.#onSignedOut = options.onSignedOut;
    this.connection = new Connection({ url: socketUrl.href, onSignedOut: options.onSignedOut });
    this.client = new Client({
      url: url.href,
      preferGetMethod: false,
      fetchOptions: { credentials: 'same-origin' },
      exchanges: [
        cacheExchange(cacheOptions),
        fetchExchange,
        subscriptionExchange({
          forwardSubscription: ({ query, variables, operationName }) => ({
            subscribe: (sink) => ({
              unsubscribe: this.connection.client.subscribe(
                { query: query ?? '', variables: variables ?? {}, operationName: operationName ?? null },
                sink,
              ),
            }),
          }),
        }),
      ],
    });
  }

  /**
   * Asks once. Never throws: what failed comes back as `problem`, a sentence. `fresh` asks the server even when the cache
   * has the answer.
   */
  async ask<Data, Variables extends AnyVariables>(
    document: DocumentInput<Data, Variables>,
    variables: Variables,
    options: { isFresh?: boolean } = {},
  ): Promise<Answer<Data>> {
    const requestPolicy = options.isFresh ? 'network-only' : 'cache-first';
    for (let attempt = 1; ; attempt++) {
      const answer = this.#answer(await this.client.query(document, variables, { requestPolicy }).toPromise());
      if (!answer.problem?.isNetwork || attempt === READ_ATTEMPTS) return answer;
      await new Promise((resolve) => setTimeout(resolve, READ_PAUSE_MS * attempt));
    }
  }

  async change<Data, Variables extends AnyVariables>(
    document: DocumentInput<Data, Variables>,
    variables: Variables,
  ): Promise<Answer<Data>> {
    return this.#answer(await this.client.mutation(document, variables).toPromise());
  }

  #answer<Data>(result: {
    data?: Data | undefined;
    error?: Parameters<typeof problemOf>[0] | undefined;
  }): Answer<Data> {
    if (result.error) {
      const problem = problemOf(result.error);
      if (problem.isSignedOut) this.#onSignedOut();
      return { data: null, problem };
    }
    return result.data === undefined ? { data: null, problem: NO_ANSWER } : { data: result.data, problem: null };
  }
}

export type Problem = { message: string; isSignedOut: boolean; isNetwork: boolean };
export type Answer<Data> = { data: Data; problem: null } | { data: null; problem: Problem };

const NO_ANSWER: Problem = { message: 'The server sent an empty answer.', isSignedOut: false, isNetwork: false };

/** What a failed request says to a person. Bugs are masked by the server already. */
export function problemOf(error: {
  networkError?: Error | undefined;
  graphQLErrors: readonly { message: string; extensions?: Record<string, unknown> | undefined }[];
  response?: { status?: number } | undefined;
}): Problem {
  const first = error.graphQLErrors[0];
  const isSignedOut = first?.extensions?.code === 'UNAUTHENTICATED' || error.response?.status === 401;
  if (first) return { message: first.message, isSignedOut, isNetwork: false };
  return { message: 'The server does not answer.', isSignedOut, isNetwork: true };
}
