/**
 * One process under the supervisor: started, watched, started again when it ends by itself, stopped when told to.
 *
 *   idle ─start▶ starting ─ready▶ up ─ended▶ waiting ─back-off over▶ starting …      any ─stop▶ stopping ─ended▶ idle
 *
 * If it ends before it was ready for the first time, the start fails: what is wrong will not mend itself. Later ends are
 * taken for accidents, and it is tried again for ever, more and more seldom. It runs in a session of its own, so that the
 * terminal's Ctrl-C reaches the supervisor alone and the order of the stop is the supervisor's. If the supervisor dies, the
 * process sees its IPC channel close and stops by itself.
 */
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { type Backoff, fullJitter } from '@easel/kit/backoff';
import type { LogFile } from './log-file.ts';
import { humanLine } from './log-line.ts';
import { StartProblem } from './problem.ts';
import type { Screen } from './screen.ts';

export interface Program {
  name: string;
  launch(): ChildProcess;
  /** Resolves when the process can serve. Never asked to give up: the process's end is watched beside it. */
  ready(child: ChildProcess): Promise<Record<string, unknown>>;
  /** How it is told to end, and to end at once. */
  signals: { soft: NodeJS.Signals; hard: NodeJS.Signals };
}

const backoff: Backoff = { baseMs: 500, maxMs: 15_000 };
/** A process that was up this long was a success: its next restart is soon again. */
const stableMs = 30_000;
/** How long a start may take before it has failed. */
const readyLimitMs = 60_000;
/** How long a process may take to stop before it is started again. */
const restartStopMs = 5_000;
/** What the process said last, kept for the case that it cannot start. */
const tailLines = 15;

export class Supervised {
  readonly name: string;
  readonly #program: Program;
  readonly #screen: Screen;
  readonly #file: LogFile;
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #isWanted = false;
  #wasReady = false;
  #restart: NodeJS.Timeout | undefined;
  #attempt = 0;
  #tail: string[] = [];

  constructor(program: Program, screen: Screen, file: LogFile) {
    this.name = program.name;
    this.#program = program;
    this.#screen = screen;
    this.#file = file;
  }

  /** Resolves with what the process announced. Throws StartProblem with its last words when it ends or dawdles instead. */
  async start(): Promise<Record<string, unknown>> {
    this.#isWanted = true;
    this.#wasReady = false;
    try {
      const announced = await this.#launch();
      this.#wasReady = true;
      return announced;
    } catch (err) {
      this.#isWanted = false;
      clearTimeout(this.#restart);
      this.#child?.kill('SIGKILL');
      const words =
        this.#tail.length > 0 ? `; it said last:\n${this.#tail.map((line) => `    ${line}`).join('\n')}` : '.';
      throw new StartProblem(`${this.name} cannot start: ${(err as Error).message}${words}`, { cause: err });
    }
  }

  /** Stops it and starts it again, with new sources. If it does not come up, it is let alone until the next restart. */
  async restart(): Promise<void> {
    await this.stop(restartStopMs);
    this.#attempt = 0;
    try {
      await this.#launch();
      this.#isWanted = true;
      this.#screen.line(`${this.name} is up again`);
    } catch (err) {
      await this.kill();
      this.#screen.problem(`${this.name} does not start: ${(err as Error).message}`);
    }
  }

  /** Resolves when the process has ended: by itself within `softMs`, or killed. */
  async stop(softMs: number): Promise<void> {
    this.#isWanted = false;
    clearTimeout(this.#restart);
    const child = this.#child;
    if (!child) return;
    child.kill(this.#program.signals.soft);
    const timer = setTimeout(() => {
      this.#screen.warn(`${this.name} did not stop in ${Math.round(softMs / 1000)} s and is ended`);
      child.kill(this.#program.signals.hard);
    }, softMs);
    await this.#ended;
    clearTimeout(timer);
  }

  /** Ends it at once; resolves when it is gone. */
  async kill(): Promise<void> {
    this.#isWanted = false;
    clearTimeout(this.#restart);
    this.#child?.kill(this.#program.signals.hard);
    await this.#ended;
  }

  async #launch(): Promise<Record<string, unknown>> {
    const startedMs = Date.now();
    this.#tail = [];
    const child = this.#program.launch();
    this.#child = child;
    const over = Promise.withResolvers<never>();
    over.promise.catch(() => undefined);
    this.#ended = new Promise((resolve) => {
      // `error` comes instead of `exit` when there is no such program.
      const end = (how: string) => {
        if (this.#child !== child) return;
        this.#child = undefined;
        over.reject(new Error(how));
        resolve();
        this.#comeBack(how, startedMs);
      };
      child.once('error', (err) => end(err.message));
      child.once('exit', (code, signal) => end(signal ? `ended by ${signal}` : `ended with exit code ${code}`));
    });
    this.#follow(child);
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error(`not ready in ${readyLimitMs / 1000} s`)), readyLimitMs);
    try {
      return await Promise.race([this.#program.ready(child), over.promise, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  #comeBack(how: string, startedMs: number): void {
    if (!this.#isWanted || !this.#wasReady) return;
    if (Date.now() - startedMs > stableMs) this.#attempt = 0;
    const waitMs = backoff.baseMs + fullJitter(backoff, this.#attempt++);
    this.#screen.warn(`${this.name} ${how}; starting it again in ${(waitMs / 1000).toFixed(1)} s`);
    this.#restart = setTimeout(() => {
      this.#launch().then(
        () => this.#screen.line(`${this.name} is up again`),
        // Its end was told, and has set the next try.
        () => this.#child?.kill(this.#program.signals.hard),
      );
    }, waitMs);
  }

  #follow(child: ChildProcess): void {
    for (const stream of [child.stdout, child.stderr]) {
      if (!stream) continue;
      createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', (line) => {
        this.#file.write(line);
        this.#screen.process(this.name, line);
        this.#tail = [...this.#tail, humanLine(line).text].slice(-tailLines);
      });
    }
  }
}
