/**
 * What the agent has started: each process leads a session and process group of its own, so that a signal reaches all that
 * it started in turn. Without a terminal it gets the connections themselves as its standard streams: the helper
 * copies nothing, the kernel holds back a writer whose reader is slow, and the end of a stream is exactly the end.
 */
import { type StdioOptions, spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import type { Socket } from 'node:net';
import { constants } from 'node:os';
import type { Identity } from '../client.ts';
import type { InsideRequest } from '../messages.ts';
import type { Dial } from './dial.ts';
import { environmentOf, folderOf } from './environment.ts';
import { Refusal } from './failure.ts';
import { openTerminal, openTerminals } from './terminal.ts';
import { onTerminal } from './terminal-modes.ts';

type SpawnRequest = Extract<InsideRequest, { type: 'spawn' }>;
type Exited = { process: number; code: number | null; signal: string | null };
type Setting = { cwd: string; env: Record<string, string> };
type Running = { pid: number; resize?: (columns: number, rows: number) => void };

export class Processes {
  readonly #running = new Map<number, Running>();
  readonly #dial: Dial;
  readonly #identity: Identity;
  readonly #onExit: (exited: Exited) => void;

  constructor(options: { dial: Dial; identity: Identity; onExit: (exited: Exited) => void }) {
    this.#dial = options.dial;
    this.#identity = options.identity;
    this.#onExit = options.onExit;
  }

  async spawn(request: SpawnRequest): Promise<{ pid: number }> {
    if (request.argv.length === 0) throw new Refusal('NOT_FOUND', 'expected a program, got an empty command');
    const connections = await Promise.all(request.streams.map((stream) => this.#dial({ stream })));
    const setting = {
      cwd: folderOf(request.cwd, this.#identity),
      env: environmentOf(request.env, request.defaults),
    };
    try {
      if (request.terminal) return await this.#startOnTerminal(request, connections[0]!, setting);
      const pid = await this.#start(request, { ...setting, argv: request.argv, stdio: connections });
      // The child has its own descriptors now; ours would keep its streams from ending.
      for (const connection of connections) connection.destroy();
      this.#running.set(request.process, { pid });
      return { pid };
    } catch (err) {
      for (const connection of connections) connection.destroy();
      throw err;
    }
  }

  async #startOnTerminal(request: SpawnRequest, connection: Socket, setting: Setting): Promise<{ pid: number }> {
    const { term, modes = {}, ...size } = request.terminal!;
    const terminal = openTerminal(size, connection);
    const { slave, path } = terminal;
    try {
      const pid = await this.#start(request, {
        cwd: setting.cwd,
        env: { ...setting.env, TERM: term, SSH_TTY: path },
        argv: onTerminal(request.argv, path, modes),
        stdio: [slave, slave, slave],
      });
      this.#running.set(request.process, { pid, resize: terminal.resize });
      return { pid };
    } finally {
      terminal.started();
    }
  }

  #start(
    { process }: SpawnRequest,
    { argv, cwd, env, stdio }: Setting & { argv: string[]; stdio: (Socket | number)[] },
  ): Promise<number> {
    const [file, ...args] = argv as [string, ...string[]];
    return new Promise((resolve, reject) => {
      const child = spawn(file, args, { cwd, env, detached: true, stdio: coveringTerminals(stdio) });
      child.once('error', reject);
      child.once('spawn', () => resolve(child.pid!));
      child.once('exit', (code, signal) => this.#ended(process, code, signal));
    });
  }

  resize(process: number, columns: number, rows: number): void {
    this.#running.get(process)?.resize?.(columns, rows);
  }

  signal(number: number, name: string): void {
    const running = this.#running.get(number);
    const signal = `SIG${name.replace(/^SIG/, '')}`;
    if (running && Object.hasOwn(constants.signals, signal)) killGroup(running.pid, signal as NodeJS.Signals);
  }

  /** What a lost line means to everything that it carried. */
  hangUp(): void {
    for (const { pid } of this.#running.values()) killGroup(pid, 'SIGHUP');
  }

  #ended(number: number, code: number | null, signal: string | null): void {
    this.#running.delete(number);
    this.#onExit({ process: number, code, signal });
  }
}

let nothing: number | undefined;

/** The standard streams, and an empty file over each descriptor of a terminal that would be inherited. */
function coveringTerminals(streams: (Socket | number)[]): StdioOptions {
  const stdio: (Socket | number | 'ignore')[] = [...streams];
  for (const descriptor of openTerminals) {
    nothing ??= openSync('/dev/null', 'r+');
    while (stdio.length <= descriptor) stdio.push('ignore');
    stdio[descriptor] = nothing;
  }
  return stdio;
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // Already gone, or of another user since a setuid program: as with kill(1), nothing happens.
  }
}
