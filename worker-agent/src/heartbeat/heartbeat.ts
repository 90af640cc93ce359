/**
 * The worker's pulse: says at the server's pace that it is alive, what goes on inside and what it costs. Nothing of it is
 * kept: the next beat says more. What is dear to find out is found out rarely, and beats do not wait for it.
 */
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import { type AsyncWake, createWake } from '@easel/kit/loop';
import type { GitStatus, Heartbeat, ResourceUse } from '@easel/schema/wire/worker';
import type { Runtime, Usage } from '../containers/runtime.ts';
import type { Inside } from '../inside/client.ts';
import type { Activity } from './activity.ts';
import { type DiskUse, diskUse } from './disk.ts';
import { gitStatus } from './git-status.ts';
import { Paced } from './paced.ts';

/** What there is to look at once the environment is up. */
export interface Subject {
  runtime: Pick<Runtime, 'usage'>;
  inside: Inside;
  volumeDir: string;
  /** The clone, as the inside sees it. */
  clonePath: string;
  sessions: () => { ssh: number; port: number };
  visitors: () => NonNullable<Heartbeat['visitors']>;
}

/** A build or a test run uses more than this share of a core all the time; a shell or an idle server far less. */
const busyCpus = 0.25;
const diskEveryMs = 60_000;
const gitEveryMs = 20_000;
const maxPorts = 200;
const maxVisitors = 200;
/** Far below the silence after which the server misses a worker. */
const lookLimitMs = 3_000;
/** After the first look at a place: by then what takes longer to find out is found out. */
const secondLookMs = 1_000;
const NOTHING: Pick<Heartbeat, 'resources' | 'git' | 'ports' | 'sessions' | 'visitors'> = {
  resources: null,
  git: null,
  ports: [],
  sessions: { ssh: 0, port: 0 },
};

type Look = (signal: AbortSignal) => Promise<typeof NOTHING>;

export class Heart {
  readonly #beat: (heartbeat: Heartbeat) => boolean;
  readonly #activity: Activity;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #wake: AsyncWake;
  #everyMs = 10_000;
  #look: Look | null = null;
  #looks = 0;

  constructor(options: { beat: (heartbeat: Heartbeat) => boolean; activity: Activity; clock: Clock; log: Log }) {
    this.#beat = options.beat;
    this.#activity = options.activity;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#wake = createWake(options.clock);
  }

  /** The server sets the pace. */
  set pace(everyMs: number) {
    if (everyMs === this.#everyMs) return;
    this.#everyMs = everyMs;
    this.#wake.wake();
  }

  /** From now on there is something to tell; the next beat comes at once. */
  watch(subject: Subject): void {
    this.#look = looker(subject, this.#activity, this.#clock);
    this.#looks = 0;
    this.#wake.wake();
  }

  /** Beats until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const seen = this.#look ? await this.#look(signal) : NOTHING;
        if (this.#look) this.#looks++;
        if (signal.aborted) return;
        const at = new Date(this.#clock.now()).toISOString();
        this.#beat({ type: 'worker.heartbeat', at, activity: this.#activity.take(), ...seen });
      } catch (err) {
        this.#log.warn({ err }, 'heartbeat failed');
      }
      const waitMs = this.#looks === 1 ? Math.min(secondLookMs, this.#everyMs) : this.#everyMs;
      await this.#wake.wait(waitMs, signal);
    }
  }
}

function looker(subject: Subject, activity: Activity, clock: Clock): Look {
  const { runtime, inside, volumeDir, clonePath } = subject;
  const disk = new Paced<DiskUse | null>({
    look: () => diskUse(volumeDir),
    initial: null,
    everyMs: diskEveryMs,
    clock,
  });
  const git = new Paced<GitStatus[] | null>({
    look: async () => {
      const before = git.get();
      const now = await gitStatus(inside, clonePath);
      if (before && JSON.stringify(before) !== JSON.stringify(now)) activity.mark('git');
      return now;
    },
    initial: null,
    everyMs: gitEveryMs,
    clock,
  });
  let last: { usage: Usage; atMs: number } | null = null;

  return async (signal) => {
    const [usage, ports] = await Promise.all([
      soon(runtime.usage(), null, { clock, signal }),
      soon(inside.listeningPorts(), [], { clock, signal }),
    ]);
    const atMs = clock.now();
    const cpus = usage && last ? cpusBetween(last, { usage, atMs }) : 0;
    last = usage && { usage, atMs };
    if (cpus >= busyCpus) activity.mark('cpu');
    return {
      resources: usage && resourcesOf(usage, cpus, disk.get()),
      git: git.get(),
      ports: ports.slice(0, maxPorts),
      sessions: subject.sessions(),
      visitors: subject.visitors().slice(0, maxVisitors),
    };
  };
}

/** What the look gives in time; neither a beat nor the end waits for somebody who is stuck. */
async function soon<T>(look: Promise<T>, otherwise: T, limit: { clock: Clock; signal: AbortSignal }): Promise<T> {
  const seen = new AbortController();
  const late = limit.clock.sleep(lookLimitMs, AbortSignal.any([limit.signal, seen.signal])).then(
    () => otherwise,
    () => otherwise,
  );
  try {
    return await Promise.race([look.catch(() => otherwise), late]);
  } finally {
    seen.abort();
  }
}

/** Zero when a container has ended in between and took its sum along. */
function cpusBetween(from: { usage: Usage; atMs: number }, to: { usage: Usage; atMs: number }): number {
  const seconds = (to.atMs - from.atMs) / 1000;
  return seconds > 0 ? Math.max(0, (to.usage.cpuSeconds - from.usage.cpuSeconds) / seconds) : 0;
}

function resourcesOf(usage: Usage, cpus: number, disk: DiskUse | null): ResourceUse {
  return {
    cpus: Math.round(cpus * 1000) / 1000,
    memoryBytes: Math.round(usage.memoryBytes),
    memoryLimitBytes: usage.memoryLimitBytes === null ? null : Math.round(usage.memoryLimitBytes),
    diskUsedBytes: disk?.usedBytes ?? 0,
    diskTotalBytes: disk?.totalBytes ?? 0,
    processes: usage.processes,
  };
}
