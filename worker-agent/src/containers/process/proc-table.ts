/** The process table of this machine as /proc tells it. Source: proc_pid_stat(5), proc_pid_environ(5). */
import { readdirSync, readFileSync } from 'node:fs';

export interface ProcEntry {
  pid: number;
  parentPid: number;
  sessionId: number;
  /** Clock ticks since boot: with the pid it names one process for ever. */
  startTicks: number;
  cpuTicks: number;
  residentPages: number;
}

/** All processes that have not ended. */
export function readProcTable(): Map<number, ProcEntry> {
  const table = new Map<number, ProcEntry>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    const entry = Number.isInteger(pid) ? readProcEntry(pid) : null;
    if (entry) table.set(pid, entry);
  }
  return table;
}

/** Null when there is no such process, or it has ended and waits for its parent. */
export function readProcEntry(pid: number): ProcEntry | null {
  const text = read(pid, 'stat');
  // The second field is the program's name in parentheses, and may itself hold blanks and parentheses.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ');
  if (!fields || fields.length < 22 || fields[0] === 'Z' || fields[0] === 'X') return null;
  const number = (index: number) => Number(fields[index]);
  return {
    pid,
    parentPid: number(1),
    sessionId: number(3),
    startTicks: number(19),
    cpuTicks: number(11) + number(12),
    residentPages: number(21),
  };
}

/** Whether the process was started with this variable. False for processes that we may not look at. */
export function wasStartedWith(pid: number, variable: string): boolean {
  return read(pid, 'environ')?.split('\0').includes(variable) ?? false;
}

function read(pid: number, file: string): string | null {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return null;
  }
}
