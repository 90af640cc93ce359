/**
 * What the agent has started: each process leads a session and process group of its own, so that a signal reaches all that
 * it started in turn. Without a terminal it gets the connections themselves as its standard streams: the helper
 * copies nothing, the kernel holds back a writer whose reader is slow, and the end of a stream is exactly the end.
 */
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Identity } from '../client.ts';
import type { InsideRequest } from '../messages.ts';
import type { Dial } from './dial.ts';
import { environmentOf, folderOf } from './environment.ts';
import { Refusal } from './failure.ts';
import { forkTerminal } from './terminal.ts';

type SpawnRequest = Extract<InsideRequest, { type: 'spawn' }>;
type Exited = { process: number; code: number | null; signal: string | null };
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
    const env = environmentOf(request.env, request.defaults);
    const cwd = folderOf(request.cwd, this.#identity);
    try {
      if (request.terminal === null) return await this.#spawnPlain(request, { env, cwd, connections });
      const terminal = forkTerminal({
        argv: request.argv,
        env: { ...env, TERM: request.terminal.term },
        cwd,
        terminal: request.terminal,
        connection: connections[0]!,
        onExit: (code, signal) => this.#ended(request.process, code, signal),
      });
      this.#running.set(request.process, terminal);
      return { pid: terminal.pid };
    } catch (err) {
      for (const connection of connections) connection.destroy();
      throw err;
    }
  }

  #spawnPlain(
    request: SpawnRequest,
    { env, cwd, connections }: { env: Record<string, string>; cwd: string; connections: import('node:net').Socket[] },
  ): Promise<{ pid: number }> {
    const [file, ...args] = request.argv as [string, ...string[]];
    return new Promise((resolve, reject) => {
      const child = spawn(file, args, { cwd, env, detached: true, stdio: connections });
      child.once('error', reject);
      child.once('spawn', () => {
        const pid = child.pid!;
        this.#running.set(request.process, { pid });
        // The child has its own descriptors now; ours would keep its streams from ending.
        for (const connection of connections) connection.destroy();
        resolve({ pid });
      });
      child.once('exit', (code, signal) => this.#ended(request.process, code, signal));
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
    if (this.#running.delete(number)) this.#onExit({ process: number, code, signal });
  }
}

function killGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // Already gone, or of another user since a setuid program: as with kill(1), nothing happens.
  }
}
