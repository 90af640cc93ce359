/** One container of an environment, from its start to its removal. */
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import type { Container } from 'dockerode';
import { type Docker, statusOf, unlessGone } from './daemon.ts';
import { followOutput } from './output.ts';

export interface BoxEnd {
  exitCode: number | null;
  /** Half a sentence. */
  text: string;
}

/** How long the daemon may be away, as for its own restart, before its containers count as ended. */
const daemonAwayMs = 60_000;
const askEveryMs = 1_000;
/** The exit code of a main process that had to be killed. */
const KILLED = 137;

export class Box {
  readonly name: string;
  readonly container: Container;
  /** When the main process has ended, whoever ended it. Never rejects. */
  readonly ended: Promise<BoxEnd>;
  readonly #docker: Docker;
  readonly #clock: Clock;
  readonly #following = new AbortController();

  /** The container has been started. */
  constructor(options: {
    docker: Docker;
    container: Container;
    name: string;
    clock: Clock;
    log: Log;
    tell: (stream: 'stdout' | 'stderr', text: string) => void;
  }) {
    this.name = options.name;
    this.container = options.container;
    this.#docker = options.docker;
    this.#clock = options.clock;
    this.ended = this.#awaitEnd();
    const { tell } = options;
    followOutput(this.#docker, this.container, { signal: this.#following.signal, tell }).catch((err: unknown) => {
      // It may have ended, and been removed, before it could be listened to.
      if (![404, 409].includes(statusOf(err) ?? 0)) {
        options.log.warn({ err, container: this.name }, 'output of a container cannot be read');
      }
    });
  }

  /** Asks it to end and kills it after `softMs`. Says whether it ended by itself. The container stays, for its output. */
  async stop(softMs: number): Promise<boolean> {
    const seconds = Math.max(0, Math.ceil(softMs / 1000));
    await unlessGone(this.container.stop({ t: seconds }));
    const { exitCode } = await this.ended;
    return exitCode !== KILLED;
  }

  async remove(): Promise<void> {
    this.#following.abort();
    await unlessGone(this.container.remove({ force: true, v: true }));
  }

  async #awaitEnd(): Promise<BoxEnd> {
    for (let awayMs = 0; awayMs < daemonAwayMs; awayMs += askEveryMs) {
      try {
        await this.container.wait();
        const { State } = await this.container.inspect();
        if (!State.Running) return { exitCode: State.ExitCode, text: textOf(State) };
      } catch (err) {
        if (statusOf(err) === 404) return { exitCode: null, text: 'The container was removed.' };
      }
      await this.#clock.sleep(askEveryMs);
    }
    return { exitCode: null, text: 'The Docker daemon has not answered for a minute.' };
  }
}

function textOf(state: { ExitCode: number; OOMKilled: boolean; Error: string }): string {
  if (state.OOMKilled) return 'It used up its memory and was killed.';
  return state.Error || `It ended with exit code ${state.ExitCode}.`;
}
