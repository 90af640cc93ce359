/**
 * What every benchmark shares: rounds in which ours and the peer take turns, medians, the CPU time and memory of the process
 * under test as the kernel counts them, and rows with a goal.
 *
 * Walls on a shared machine are noise; CPU-seconds and ratios inside one interleaved run count. So each round measures
 * all sides one after the other, and every second round in reverse order.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

export interface Row {
  bench: string;
  row: string;
  /** Medians. `peer` is null for a goal that needs no comparison. */
  ours: number;
  peer: number | null;
  peerName: string | null;
  /** ours ÷ peer. */
  ratio: number | null;
  goal: string;
  met: boolean;
  unit: string;
}

/** What a module of this folder exports as `bench`. */
export interface Bench {
  /** One line for the list. */
  title: string;
  run(ctx: BenchContext): Promise<void>;
}

export interface BenchContext {
  /** Few rounds and small inputs: does it run, not how fast. */
  quick: boolean;
  rounds: number;
  /** Whether the person asked for this row; without a filter all are. */
  wants(row: string): boolean;
  report(row: Omit<Row, 'bench'>): void;
  /** Progress and circumstances, for a person. */
  note(text: string): void;
}

export function median(samples: readonly number[]): number {
  if (samples.length === 0) throw new RangeError('no samples');
  const sorted = samples.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The value below which the share `p` (0–1) of the samples lies. */
export function percentile(samples: readonly number[], p: number): number {
  if (samples.length === 0) throw new RangeError('no samples');
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(p * sorted.length) - 1)]!;
}

/** Measures each side once per round, in turn; gives all samples of each side. One round more comes first and is dropped. */
export async function interleave<K extends string>(
  rounds: number,
  sides: Record<K, () => Promise<number>>,
  options: { warmUp?: boolean } = {},
): Promise<Record<K, number[]>> {
  const names = Object.keys(sides) as K[];
  const samples = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<K, number[]>;
  for (let round = options.warmUp === false ? 0 : -1; round < rounds; round++) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const sample = await sides[name]();
      if (round >= 0) samples[name].push(sample);
    }
  }
  return samples;
}

/** A row that compares medians: `goal.ratio` is the largest ours ÷ peer for `atMost`, the smallest for `atLeast`. */
export function comparison(fields: {
  row: string;
  ours: readonly number[];
  peer: readonly number[];
  peerName: string;
  unit: string;
  goal: { atMost: number } | { atLeast: number };
}): Omit<Row, 'bench'> {
  const ours = median(fields.ours);
  const peer = median(fields.peer);
  const ratio = ours / peer;
  const isUpper = 'atMost' in fields.goal;
  const limit = 'atMost' in fields.goal ? fields.goal.atMost : fields.goal.atLeast;
  return {
    row: fields.row,
    ours: rounded(ours),
    peer: rounded(peer),
    peerName: fields.peerName,
    ratio: rounded(ratio),
    goal: `${isUpper ? '≤' : '≥'} ${limit}×`,
    met: isUpper ? ratio <= limit : ratio >= limit,
    unit: fields.unit,
  };
}

/** A row with a goal of its own. A peer's number may stand beside it for comparison. */
export function measurement(fields: {
  row: string;
  ours: number;
  unit: string;
  goal: { atMost: number } | { atLeast: number };
  peer?: number;
  peerName?: string;
}): Omit<Row, 'bench'> {
  const isUpper = 'atMost' in fields.goal;
  const limit = 'atMost' in fields.goal ? fields.goal.atMost : fields.goal.atLeast;
  return {
    row: fields.row,
    ours: rounded(fields.ours),
    peer: fields.peer === undefined ? null : rounded(fields.peer),
    peerName: fields.peerName ?? null,
    ratio: fields.peer === undefined ? null : rounded(fields.ours / fields.peer),
    goal: `${isUpper ? '≤' : '≥'} ${limit} ${fields.unit}`,
    met: isUpper ? fields.ours <= limit : fields.ours >= limit,
    unit: fields.unit,
  };
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

/** Ticks per second of /proc's CPU times; fixed at 100 in Linux' user interface. Source: proc(5), sysconf(_SC_CLK_TCK). */
const ticksPerSecond = 100;

/** CPU-seconds, user and system, that a process has used with its ended children; with `tree` its living descendants too. */
export function cpuSeconds(pid: number, options: { tree?: boolean } = {}): number {
  const own = statOf(pid);
  if (!own) return 0;
  const below = options.tree ? childrenOf(pid).reduce((sum, child) => sum + cpuSeconds(child, options), 0) : 0;
  return own.cpuTicks / ticksPerSecond + below;
}

/** Bytes of memory that a process holds: its own pages and its part of shared ones; with `tree` its descendants too. */
export function memoryBytes(pid: number, options: { tree?: boolean } = {}): number {
  const own = Number(/^Pss:\s+(\d+) kB/m.exec(readProc(pid, 'smaps_rollup') ?? '')?.[1] ?? 0) * 1024;
  return own + (options.tree ? childrenOf(pid).reduce((sum, child) => sum + memoryBytes(child, options), 0) : 0);
}

function childrenOf(parent: number): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.map(Number).filter((pid) => statOf(pid)?.parent === parent);
}

function statOf(pid: number): { parent: number; cpuTicks: number } | undefined {
  // The command in parentheses may hold anything; the fields are counted after its end.
  const fields = readProc(pid, 'stat')?.split(') ').at(-1)?.split(' ');
  if (!fields) return undefined;
  return { parent: Number(fields[1]), cpuTicks: fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) };
}

function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    // The process has ended.
    return undefined;
  }
}

/** How long a process may take to say that it is ready. */
const readyLimitMs = 30_000;

export interface BenchProcess<Ready = Record<string, unknown>> {
  pid: number;
  /** What it sent with `{"type":"ready"}`. */
  ready: Ready;
  child: ChildProcess;
  stop(): Promise<void>;
}

/** Starts a Node.js program that says `{"type":"ready"}` over IPC, as `runService` does. Its complaints go to stderr. */
export async function startNode<Ready = Record<string, unknown>>(
  file: string | URL,
  options: { env?: Record<string, string>; args?: string[]; execArgv?: string[] } = {},
): Promise<BenchProcess<Ready>> {
  const child = fork(file, options.args ?? [], {
    env: { ...process.env, EASEL_LOG_LEVEL: 'error', EASEL_EXIT_WITH_PARENT: '1', ...options.env },
    execArgv: options.execArgv ?? [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const ready = await new Promise<Ready>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${file} was not ready in ${readyLimitMs} ms`)), readyLimitMs);
    child.on('message', (message: { type?: string }) => {
      if (message.type !== 'ready') return;
      clearTimeout(timer);
      resolve(message as Ready);
    });
    child.once('exit', (code) => reject(new Error(`${file} ended with ${code} before it was ready`)));
  });
  return { pid: child.pid!, ready, child, stop: () => stopChild(child) };
}

/** Ends a child: SIGTERM, and SIGKILL when it is still there after two seconds. */
export async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 2_000);
  await exited;
  clearTimeout(timer);
}
