/** What the rest of the agent sees of the dev container, whatever it is made of: a container of Docker or plain processes. */
import type { Failure } from '@easel/schema/failure';
import type { LogLine, WorkerEvent } from '@easel/schema/wire/worker';
import type { StepContext } from '../steps/runner.ts';

/** Who lives inside. */
export interface Inhabitant {
  user: string;
  uid: number;
  gid: number;
  /** As the inside sees it. */
  home: string;
}

/** What the containers of an environment use now. */
export interface Usage {
  /** Seconds of processor time since the start; falls when a container has ended. */
  cpuSeconds: number;
  memoryBytes: number;
  memoryLimitBytes: number | null;
  processes: number;
}

/** A started helper, as `startInside` wants it. */
export interface HelperProcess {
  /** Why it ended. */
  ended: Promise<string>;
  kill(): Promise<void>;
}

export interface RuntimeEvents {
  report(event: Extract<WorkerEvent, { type: 'container.started' | 'container.ended' }>): void;
  line(source: string, stream: LogLine['stream'], text: string): void;
}

export interface Runtime {
  readonly kind: 'docker' | 'process';
  /** Makes the images present. Null when there is none to make present. Throws `Failed` (image). */
  readonly prepareImages: ((context: StepContext) => Promise<string>) | null;
  /** Says who lives inside, and gives them their home, filled once from the image's. Throws `Failed` (image, volume). */
  moveIn(context: StepContext): Promise<Inhabitant>;
  /** Gives the folder to the inhabitant and puts it at `target` in the home. Throws `Failed` (volume). */
  handOver(folder: string, target: string): Promise<void>;
  /** Starts the dev container and the sidecars. Throws `Failed` (containers). */
  start(context: StepContext): Promise<void>;
  /** Where the inside finds the pack and the agent's sockets. */
  readonly insidePaths: { packDir: string; socketDir: string };
  /** Runs a command of the pack inside, as the inhabitant, with HOME set. `stdin` is all that it gets to read. */
  startHelper(command: string[], stdin: string): Promise<HelperProcess>;
  usage(): Promise<Usage | null>;
  /** Resolves when the dev container has ended though nobody asked for it. */
  readonly broken: Promise<Failure>;
  /** Ends everything inside; what has not ended in `softMs` is killed. Says whether all ended by itself. */
  end(softMs: number): Promise<{ isClean: boolean }>;
}
