/**
 * The live log of one run of an environment. Lines come by the socket from the last one that is known: after a lost
 * connection the subscription is asked again with the cursor reached by then, so nothing is doubled or missed. A new run
 * (generation) starts an empty book. At most `LINES_KEPT` lines stay in memory; the rest is in the download.
 */
import { stringifyDocument } from '@urql/core';
import { untrack } from 'svelte';
import { plainText } from '#lib/ansi.ts';
import type { Answer, Api } from '#lib/api/client.ts';
import type { ResultOf } from '#lib/api/graphql.ts';
import { environmentLogAdded, environmentLogPage, type LogLine } from '#lib/operations/environments.ts';

/** A line and its text without terminal sequences. */
export type Entry = { line: LogLine; plain: string };

const LINES_KEPT = 50_000;
/** How many are dropped at once when there are too many. */
const LINES_DROPPED = 10_000;
const PAGE_LINES = 1000;
const QUERY = stringifyDocument(environmentLogAdded);

export class LogBook {
  #entries: Entry[] = [];
  /** Changes with every change of the entries, which are too many to be watched one by one. */
  #edition = $state(0);
  #dropped = $state(0);
  #hasEnded = $state(false);
  #problem = $state.raw<string | null>(null);
  #counts = new Map<string, number>();

  /** Entries of one source, or of all. A new array whenever something changed. */
  select(source: string | null): readonly Entry[] {
    this.#edition;
    return source === null ? this.#entries.slice() : this.#entries.filter((entry) => entry.line.source === source);
  }

  /** Sources in the order of their first line, with their number of lines. */
  get sources(): readonly { name: string; count: number }[] {
    this.#edition;
    return [...this.#counts].map(([name, count]) => ({ name, count }));
  }

  get dropped(): number {
    return this.#dropped;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  get problem(): string | null {
    return this.#problem;
  }

  /** Reads the log until the returned function is called. */
  follow(api: Api, id: string, generation: number): () => void {
    untrack(() => this.#clear());
    let after = beforeFirstLine(generation);
    return api.connection.client.subscribe<{
      environmentLog: { lines: LogLine[]; cursor: string | null; hasEnded: boolean };
    }>(
      {
        query: QUERY,
        // Read anew at each (re)connect: that is how the subscription goes on where it was.
        get variables() {
          return { id, after };
        },
      },
      {
        next: ({ data, errors }) => {
          if (errors?.[0]) this.#problem = errors[0].message;
          if (!data) return;
          after = data.environmentLog.cursor ?? after;
          this.#append(data.environmentLog.lines);
          this.#hasEnded = data.environmentLog.hasEnded;
        },
        error: (error) => {
          this.#problem = messageOf(error);
        },
        complete: () => undefined,
      },
    );
  }

  #clear(): void {
    this.#entries = [];
    this.#counts = new Map();
    this.#dropped = 0;
    this.#hasEnded = false;
    this.#problem = null;
    this.#edition += 1;
  }

  #append(lines: readonly LogLine[]): void {
    if (lines.length === 0) return;
    for (const line of lines) {
      this.#entries.push({ line, plain: plainText(line.text) });
      this.#counts.set(line.source, (this.#counts.get(line.source) ?? 0) + 1);
    }
    if (this.#entries.length > LINES_KEPT) {
      this.#dropped += this.#entries.splice(0, this.#entries.length - LINES_KEPT + LINES_DROPPED).length;
    }
    this.#edition += 1;
  }
}

/** The cursor before the first line of a run (server, log-reader): `<generation>:<line>`. Earlier runs are not shown. */
const beforeFirstLine = (generation: number): string => `${generation}:-1`;

function messageOf(error: unknown): string | null {
  if (Array.isArray(error)) return error[0]?.message ?? null;
  return error instanceof Error ? error.message : null;
}

/** The whole log of a run as text, page by page. Throws a sentence when the server does not give it. */
export async function readWholeLog(api: Api, id: string, generation: number): Promise<string> {
  const parts: string[] = [];
  let after = beforeFirstLine(generation);
  for (;;) {
    const { data, problem }: Answer<ResultOf<typeof environmentLogPage>> = await api.ask(
      environmentLogPage,
      { id, after, first: PAGE_LINES },
      { isFresh: true },
    );
    if (problem) throw new Error(problem.message);
    const { lines, cursor }: ResultOf<typeof environmentLogPage>['environmentLog'] = data.environmentLog;
    for (const line of lines) parts.push(`${line.at} ${line.source} ${line.stream} ${plainText(line.text)}\n`);
    if (lines.length === 0 || cursor === null || cursor === after) return parts.join('');
    after = cursor;
  }
}
