/**
 * All processes of one environment that runs as plain processes: who they are, and how they end.
 *
 * Where the agent may, they live in a control group of their own, which nothing can leave and which the kernel kills as
 * one. Elsewhere a process belongs to the environment when it was started with its id in EASEL_ENVIRONMENT_ID, or belongs
 * to the session of one that was, or descends from one. The agent itself and its ancestors never belong to it. If the
 * agent dies, the group stands, and `ProcessGroup` of a clean-up finds it again by the environment's id.
 * Source: Linux, Documentation/admin-guide/cgroup-v2.rst (cgroup.procs, cgroup.kill).
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '@easel/kit/clock';
import type { EnvironmentId } from '@easel/schema/ids';
import { type ProcEntry, readProcEntry, readProcTable, wasStartedWith } from './proc-table.ts';

/** Names the control group on the volume, for a clean-up that runs in another one. */
const RECORD_FILE = 'cgroup';
/** Between looks at processes that were told to end: often at first, rarely when it takes its time. */
const firstLookMs = 10;
const maxLookMs = 250;
/** How long the kernel may take to remove killed processes. */
const killLimitMs = 5_000;

export class ProcessGroup {
  readonly #marker: string;
  readonly #name: string;
  readonly #recordPath: string;
  readonly #clock: Clock;
  #cgroupDir: string | null;

  /** `marksDir`: a folder of ours on the environment's volume. Finds the group of an earlier agent. */
  constructor(options: { environmentId: EnvironmentId; marksDir: string; clock: Clock }) {
    this.#marker = `EASEL_ENVIRONMENT_ID=${options.environmentId}`;
    this.#name = `easel-${options.environmentId}`;
    this.#recordPath = join(options.marksDir, RECORD_FILE);
    this.#clock = options.clock;
    this.#cgroupDir = this.#recorded();
  }

  /** Makes the control group where that is allowed; elsewhere the marker alone has to do. */
  prepare(): void {
    const parent = ownCgroupDir();
    if (!parent || this.#cgroupDir) return;
    const dir = join(parent, this.#name);
    try {
      writeFileSync(this.#recordPath, dir, { mode: 0o600 });
      mkdirSync(dir, { recursive: true });
      this.#cgroupDir = dir;
    } catch {
      rmSync(this.#recordPath, { force: true });
    }
  }

  /** Takes a process in, before it starts others. */
  adopt(pid: number): void {
    if (!this.#cgroupDir) return;
    try {
      writeFileSync(join(this.#cgroupDir, 'cgroup.procs'), String(pid));
    } catch {
      // A group that cannot be entered is none.
      this.#removeCgroup();
    }
  }

  /** Those that run now. */
  members(): ProcEntry[] {
    const inCgroup = this.#cgroupMembers();
    return inCgroup ?? this.#markedMembers();
  }

  /** SIGTERM to all, and SIGKILL to those that have not ended in `softMs`. Says whether all ended by themselves. */
  async end(softMs: number): Promise<{ isClean: boolean }> {
    // What has left the control group, or was never in it, still bears the marker.
    const marked = () => this.#markedMembers();
    const members = () => this.#cgroupMembers() ?? marked();
    signalAll([...members(), ...(this.#cgroupDir ? marked() : [])], 'SIGTERM');
    const isClean = await this.#gone(members, softMs);
    if (!isClean) await this.#gone(members, killLimitMs, () => this.#killAll(members()));
    if (this.#cgroupDir) await this.#gone(marked, killLimitMs, () => signalAll(marked(), 'SIGKILL'));
    this.#removeCgroup();
    return { isClean };
  }

  async #gone(members: () => ProcEntry[], limitMs: number, eachLook?: () => void): Promise<boolean> {
    const untilMs = this.#clock.now() + limitMs;
    for (let waitMs = firstLookMs; ; waitMs = Math.min(waitMs * 1.5, maxLookMs)) {
      if (members().length === 0) return true;
      eachLook?.();
      if (this.#clock.now() >= untilMs) return false;
      await this.#clock.sleep(Math.min(waitMs, Math.max(1, untilMs - this.#clock.now())));
    }
  }

  #killAll(members: ProcEntry[]): void {
    if (this.#cgroupDir) {
      try {
        writeFileSync(join(this.#cgroupDir, 'cgroup.kill'), '1');
      } catch {
        // Kernels before 5.14 have no cgroup.kill: one by one, then.
      }
    }
    signalAll(members, 'SIGKILL');
  }

  #cgroupMembers(): ProcEntry[] | null {
    if (!this.#cgroupDir) return null;
    try {
      return cgroupPids(this.#cgroupDir)
        .map(readProcEntry)
        .filter((entry) => entry !== null);
    } catch {
      return null;
    }
  }

  #markedMembers(): ProcEntry[] {
    const table = readProcTable();
    const outsiders = ancestorsOf(process.pid, table);
    const marked = [...table.keys()].filter((pid) => !outsiders.has(pid) && wasStartedWith(pid, this.#marker));
    const members = new Set(marked);
    const ownSession = table.get(process.pid)?.sessionId;
    const sessions = new Set(marked.map((pid) => table.get(pid)?.sessionId));
    for (let grew = members.size > 0; grew; ) {
      grew = false;
      for (const { pid, parentPid, sessionId } of table.values()) {
        if (members.has(pid) || outsiders.has(pid)) continue;
        if (!members.has(parentPid) && !(sessions.has(sessionId) && sessionId !== ownSession)) continue;
        members.add(pid);
        grew = true;
      }
    }
    return [...members].flatMap((pid) => table.get(pid) ?? []);
  }

  #recorded(): string | null {
    try {
      const dir = readFileSync(this.#recordPath, 'utf8');
      return dir.endsWith(`/${this.#name}`) && existsSync(join(dir, 'cgroup.procs')) ? dir : null;
    } catch {
      return null;
    }
  }

  #removeCgroup(): void {
    if (!this.#cgroupDir) return;
    try {
      removeCgroupTree(this.#cgroupDir);
      rmSync(this.#recordPath, { force: true });
      this.#cgroupDir = null;
    } catch {
      // Still in use: a later clean-up removes it.
    }
  }
}

function signalAll(members: ProcEntry[], signal: NodeJS.Signals): void {
  for (const member of members) {
    if (readProcEntry(member.pid)?.startTicks !== member.startTicks) continue;
    try {
      process.kill(member.pid, signal);
    } catch {
      // Ended in between, or changed to a user that we may not signal: the next look shows it.
    }
  }
}

/** The agent and those that it descends from. */
function ancestorsOf(pid: number, table: Map<number, ProcEntry>): Set<number> {
  const line = new Set<number>();
  for (let at: number | undefined = pid; at !== undefined && at > 0 && !line.has(at); at = table.get(at)?.parentPid) {
    line.add(at);
  }
  return line;
}

/** Groups of groups too: somebody inside may make some. */
function cgroupPids(dir: string): number[] {
  const own = readFileSync(join(dir, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean).map(Number);
  const children = readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [...own, ...children.flatMap((child) => cgroupPids(join(dir, child.name)))];
}

function removeCgroupTree(dir: string): void {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    if (entry.isDirectory()) removeCgroupTree(join(dir, entry.name));
  }
  rmdirSync(dir);
}

/** The control group that this process is in, where version 2 is mounted. */
function ownCgroupDir(): string | null {
  try {
    const own = /^0::(.*)$/m.exec(readFileSync('/proc/self/cgroup', 'utf8'))?.[1];
    const mount = /^\S+ (\S+) cgroup2 /m.exec(readFileSync('/proc/self/mounts', 'utf8'))?.[1];
    return own === undefined || mount === undefined ? null : join(mount, own);
  } catch {
    return null;
  }
}
