/**
 * Log lines on their way to the server: gathered into chunks, numbered, kept until acknowledged, replayed.
 *
 * Who: everything of the worker that has something to tell to the people of the environment. A line waits until a chunk
 * is sealed: `gatherMs` after the first line, while the server is there and has not too many chunks unacknowledged. Only a
 * sealed chunk has a number. If the server is away, lines wait in memory; past `maxWaitingBytes` the oldest go, and one
 * line in their place says how many. If the worker dies, what waits is lost with it.
 */
import type { Clock, Timer } from '@easel/kit/clock';
import type { LogLine } from '@easel/schema/wire/worker';
import { Numbered } from './numbered.ts';

/** Short enough to look live, long enough that a chatty build does not make a message of each line. */
const gatherMs = 50;
/** Below the 1000 lines and 1 MiB of a message. */
const maxChunkLines = 500;
const maxChunkBytes = 256 * 1024;
/** Chunks on the line at once: enough to fill it, few enough to replay. */
const maxUnacknowledged = 8;
/** What may wait in memory while the server is away. */
const defaultMaxWaitingBytes = 8 * 1024 * 1024;
const maxTextLength = 16_000;
/** What a line costs beside its text. */
const lineOverheadBytes = 100;

export class LogOutbox {
  readonly #chunks: Numbered<LogLine[]>;
  readonly #clock: Clock;
  readonly #maxWaitingBytes: number;
  #waiting: LogLine[] = [];
  #waitingBytes = 0;
  #dropped = 0;
  #timer: Timer | undefined;
  readonly #idle = new Set<() => void>();

  constructor(options: {
    send: (number: number, lines: LogLine[]) => boolean;
    clock: Clock;
    maxWaitingBytes?: number;
  }) {
    this.#chunks = new Numbered(options.send);
    this.#clock = options.clock;
    this.#maxWaitingBytes = options.maxWaitingBytes ?? defaultMaxWaitingBytes;
  }

  /** Adds one line; a longer text than a line may have becomes several. */
  add(source: string, stream: LogLine['stream'], text: string): void {
    const at = new Date(this.#clock.now()).toISOString();
    // PostgreSQL and C strings know no NUL.
    const clean = text.replaceAll('\0', '\u{fffd}');
    for (let from = 0; from === 0 || from < clean.length; from += maxTextLength) {
      this.#push({ at, source, stream, text: clean.slice(from, from + maxTextLength) });
    }
    this.#trim();
    if (this.#chunks.isConnected) this.#timer ??= this.#clock.setTimeout(() => this.#seal(), gatherMs);
  }

  resume(acknowledged: number): void {
    this.#chunks.resume(acknowledged);
    this.#seal();
  }

  pause(): void {
    this.#chunks.pause();
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  acknowledge(number: number): void {
    this.#chunks.acknowledge(number);
    this.#seal();
  }

  /** Resolves once every line is stored by the server. */
  settled(): Promise<void> {
    this.#seal();
    if (this.#isIdle()) return Promise.resolve();
    return new Promise((resolve) => this.#idle.add(resolve));
  }

  #push(line: LogLine): void {
    this.#waiting.push(line);
    this.#waitingBytes += costOf(line);
  }

  #trim(): void {
    if (this.#waitingBytes <= this.#maxWaitingBytes) return;
    // An eighth at a time, so that a flood does not shift the array for every line.
    let count = 0;
    for (const line of this.#waiting) {
      if (this.#waitingBytes <= this.#maxWaitingBytes * 0.875) break;
      this.#waitingBytes -= costOf(line);
      count++;
    }
    this.#waiting.splice(0, count);
    this.#dropped += count;
  }

  /** Makes chunks of what waits, as many as the line may carry now. */
  #seal(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    while (this.#chunks.isConnected && this.#chunks.unacknowledged < maxUnacknowledged && this.#waiting.length > 0) {
      this.#chunks.add(this.#take());
    }
    if (!this.#isIdle()) return;
    for (const done of this.#idle) done();
    this.#idle.clear();
  }

  #take(): LogLine[] {
    const lines: LogLine[] = [];
    let bytes = 0;
    if (this.#dropped > 0) {
      lines.push({
        at: this.#waiting[0]?.at ?? new Date(this.#clock.now()).toISOString(),
        source: 'worker',
        stream: 'system',
        text: `${this.#dropped} lines dropped here: more was written than the server could take`,
      });
      this.#dropped = 0;
    }
    let count = 0;
    for (const line of this.#waiting) {
      if (count > 0 && (lines.length >= maxChunkLines || bytes + costOf(line) > maxChunkBytes)) break;
      lines.push(line);
      bytes += costOf(line);
      count++;
    }
    this.#waiting.splice(0, count);
    this.#waitingBytes -= bytes;
    return lines;
  }

  #isIdle(): boolean {
    return this.#waiting.length === 0 && this.#chunks.unacknowledged === 0;
  }
}

/** On the line: escapes make six bytes of one, and the server takes no message that is too long. */
function costOf(line: LogLine): number {
  return Buffer.byteLength(JSON.stringify(line.text)) + lineOverheadBytes;
}
