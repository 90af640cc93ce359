/**
 * Processes of this machine as /proc tells them. A pid alone is not a name: it is given again to somebody else. With the
 * start time, and the boot it counts from, it names one process for ever, so that no signal hits a stranger.
 * Source: proc_pid_stat(5), proc_pid_environ(5). Linux only.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { type Clock, systemClock } from './clock.ts';

export const processIdentitySchema = z.object({
  pid: z.number().int().positive(),
  /** Clock ticks since boot. */
  startTicks: z.number().int().min(0),
  bootId: z.string(),
});
export type ProcessIdentity = z.infer<typeof processIdentitySchema>;

export interface FoundProcess {
  identity: ProcessIdentity;
  /** Its environment as it was when the program was started. */
  env: Readonly<Record<string, string>>;
  isSessionLeader: boolean;
}

/** Between two looks at a process that was told to end. */
const lookEveryMs = 25;
/** How long the kernel may take to remove a killed process (one in uninterruptible sleep is given up). */
const killLimitMs = 5_000;

let bootIdOfThisMachine: string | undefined;
function bootId(): string {
  bootIdOfThisMachine ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return bootIdOfThisMachine;
}

/** The running process with this pid, or null when there is none (one that has ended and waits for its parent is none). */
export function identifyProcess(pid: number): ProcessIdentity | null {
  const stat = readStat(pid);
  return stat && { pid, startTicks: stat.startTicks, bootId: bootId() };
}

export function isRunning(identity: ProcessIdentity): boolean {
  const now = identifyProcess(identity.pid);
  return now !== null && now.startTicks === identity.startTicks && now.bootId === identity.bootId;
}

/** Sends a signal to exactly this process; false when it is not running. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isRunning(identity)) return false;
  try {
    return process.kill(identity.pid, signal);
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw err;
  }
}

/** Resolves to whether the process ended within `limitMs`; at once when it is not running. */
export async function processEnded(
  identity: ProcessIdentity,
  limitMs: number,
  options: { clock?: Clock; signal?: AbortSignal } = {},
): Promise<boolean> {
  const clock = options.clock ?? systemClock;
  const untilMs = clock.now() + limitMs;
  while (isRunning(identity)) {
    if (clock.now() >= untilMs) return false;
    await clock.sleep(lookEveryMs, options.signal);
  }
  return true;
}

/** SIGTERM, then SIGKILL when it has not ended in `softMs`. Says how it went; `stuck` is a process that even that did not end. */
export async function endProcess(
  identity: ProcessIdentity,
  softMs: number,
  options: { clock?: Clock; signal?: AbortSignal } = {},
): Promise<'ended' | 'killed' | 'stuck'> {
  signalProcess(identity, 'SIGTERM');
  if (await processEnded(identity, softMs, options)) return 'ended';
  signalProcess(identity, 'SIGKILL');
  return (await processEnded(identity, killLimitMs, options)) ? 'killed' : 'stuck';
}

/** All running processes, of those that we may look at, whose environment satisfies `match`. */
export function findProcesses(match: (env: Readonly<Record<string, string>>) => boolean): FoundProcess[] {
  const found: FoundProcess[] = [];
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const env = readEnviron(pid);
    if (!env || !match(env)) continue;
    const stat = readStat(pid);
    if (!stat) continue;
    const identity = { pid, startTicks: stat.startTicks, bootId: bootId() };
    found.push({ identity, env, isSessionLeader: stat.sessionId === pid });
  }
  return found;
}

function readStat(pid: number): { sessionId: number; startTicks: number } | null {
  const text = readProc(pid, 'stat');
  // The second field is the program's name in parentheses, and may itself hold blanks and parentheses.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  if (!fields || fields.length < 20 || fields[0] === 'Z' || fields[0] === 'X') return null;
  return { sessionId: Number(fields[3]), startTicks: Number(fields[19]) };
}

function readEnviron(pid: number): Record<string, string> | null {
  const text = readProc(pid, 'environ');
  if (!text) return null;
  const env: Record<string, string> = {};
  for (const entry of text.split('\0')) {
    const equals = entry.indexOf('=');
    if (equals > 0) env[entry.slice(0, equals)] = entry.slice(equals + 1);
  }
  return env;
}

/** Null when the process is gone or is not ours to look at. */
function readProc(pid: number, file: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return null;
  }
}
