/** All that the supervisor shows to the person: steps with their seconds, prefixed lines of the processes, problems. */
import type { Writable } from 'node:stream';
import { humanLine } from './log-line.ts';

/** A step that takes longer says so this often. */
const progressEveryMs = 10_000;
/** Wide enough for the longest process name. */
const nameWidth = 10;

export class Screen {
  readonly #out: Writable & { isTTY?: boolean };
  readonly #minRank: number;
  #isBroken = false;

  constructor(out: Writable & { isTTY?: boolean }, options: { isVerbose: boolean }) {
    this.#out = out;
    this.#minRank = options.isVerbose ? 0 : 30;
    // The terminal may be gone while there is still much to stop.
    out.on('error', () => {
      this.#isBroken = true;
    });
  }

  line(text: string): void {
    if (!this.#isBroken) this.#out.write(`${text}\n`);
  }

  warn(text: string): void {
    this.line(this.#paint('33', text));
  }

  problem(text: string): void {
    this.line(this.#paint('31', `easel: ${text}`));
  }

  /** A line of a process's own output. */
  process(name: string, raw: string): void {
    const { rank, text } = humanLine(raw);
    if (rank < this.#minRank) return;
    const prefix = this.#paint('2', `${new Date().toTimeString().slice(0, 8)} ${name.padEnd(nameWidth)}`);
    this.line(`${prefix} ${rank >= 50 ? this.#paint('31', text) : rank >= 40 ? this.#paint('33', text) : text}`);
  }

  /** Runs `work`, saying when it begins, that it goes on, and in how many seconds it was done. */
  async step<T>(name: string, work: () => Promise<T>): Promise<T> {
    const startedMs = Date.now();
    const seconds = () => `${((Date.now() - startedMs) / 1000).toFixed(1)} s`;
    this.line(`  ${name} …`);
    const timer = setInterval(() => this.line(`  ${name} … ${seconds()}`), progressEveryMs);
    try {
      const result = await work();
      this.line(`  ${this.#paint('32', '✓')} ${name} ${this.#paint('2', seconds())}`);
      return result;
    } finally {
      clearInterval(timer);
    }
  }

  #paint(code: string, text: string): string {
    return this.#out.isTTY && !process.env.NO_COLOR ? `\u001b[${code}m${text}\u001b[0m` : text;
  }
}
