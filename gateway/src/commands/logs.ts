import type { Api } from '../api/api.ts';
import { environmentLogAdded, environmentLogQuery, type LogChunk, type LogLine } from '../api/environments.ts';
import type { Context } from '../context.ts';
import { Interrupted } from '../io.ts';
import { colored, plain } from '../output/clean.ts';
import type { Output, Style } from '../output/output.ts';
import { findEnvironment } from './find.ts';

interface LogOptions {
  readonly follow?: true;
  readonly source?: string;
  readonly since?: string;
  readonly tail?: number;
  readonly timestamps?: true;
}

interface Reading {
  readonly id: string;
  readonly source: string | undefined;
  /** The cursor of the last line had. */
  after: string | null;
}

/** Lines asked for at once. */
const PAGE_LINES = 500;
/** The longest name of a step. */
const SOURCE_COLUMNS = 10;
/** Each source gets one of these, by the letters of its name. */
const SOURCE_STYLES: readonly Style[] = ['cyan', 'blue', 'green', 'yellow'];

export async function logs(context: Context, name: string, options: LogOptions): Promise<void> {
  const { io, out } = context;
  const api = await context.api();
  const { id } = await findEnvironment(api, name);
  const reading: Reading = { id, source: options.source, after: options.since ?? null };
  const print = printer(out, { hasTimes: options.timestamps ?? false, isTerminal: io.stdout.isTTY === true });
  const hasEnded = await readAll(api, reading, tail(options.tail, print));
  if (!options.follow || hasEnded) return;
  try {
    await readOn(api, reading, { print, signal: io.signal });
  } catch (err) {
    // Ctrl-C is how following ends.
    if (!(err instanceof Interrupted)) throw err;
  }
}

type Print = (lines: readonly LogLine[]) => void;

/** Reads what there is. Says whether no more will come. */
async function readAll(
  api: Api,
  reading: Reading,
  { print, end }: { print: Print; end: () => void },
): Promise<boolean> {
  let chunk: LogChunk;
  let before: string | null;
  do {
    before = reading.after;
    chunk = await api.ask(environmentLogQuery, { ...reading, first: PAGE_LINES }, { isRepeatable: true });
    print(chunk.lines);
    reading.after = chunk.cursor ?? before;
    // A page without lines may still have moved on: none of its lines were of the source.
  } while (reading.after !== before);
  end();
  return chunk.hasEnded;
}

/** Goes on with the subscription until no more will come; after a cut it continues behind the last line had. */
function readOn(api: Api, reading: Reading, { print, signal }: { print: Print; signal: AbortSignal }): Promise<void> {
  const over = Promise.withResolvers<void>();
  signal.addEventListener('abort', () => over.reject(signal.reason), { once: true });
  const subscription = api.subscribe(environmentLogAdded, () => ({ ...reading }), {
    onNext: (chunk) => {
      print(chunk.lines);
      reading.after = chunk.cursor ?? reading.after;
      if (chunk.hasEnded) over.resolve();
    },
    onRefused: over.reject,
  });
  return over.promise.finally(() => subscription.close());
}

function tail(count: number | undefined, print: Print): { print: Print; end: () => void } {
  if (count === undefined) return { print, end: () => undefined };
  let kept: LogLine[] = [];
  return {
    print: (lines) => {
      kept = count === 0 ? [] : [...kept, ...lines].slice(-count);
    },
    end: () => print(kept),
  };
}

function printer(out: Output, { hasTimes, isTerminal }: { hasTimes: boolean; isTerminal: boolean }): Print {
  return (lines) => {
    for (const line of lines) {
      out.json(line);
      const time = hasTimes ? `${out.paint('dim', line.at)}  ` : '';
      // Into a file or a pipe the bytes go as they came.
      const text = isTerminal ? colored(line.text) : line.text;
      out.line(`${time}${out.paint(styleOf(line.source), plain(line.source).padEnd(SOURCE_COLUMNS))}  ${text}`);
    }
  };
}

function styleOf(source: string): Style {
  const sum = [...source].reduce((total, letter) => total + letter.charCodeAt(0), 0);
  return SOURCE_STYLES[sum % SOURCE_STYLES.length] ?? 'cyan';
}
