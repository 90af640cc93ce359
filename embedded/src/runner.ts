/** Starts processes so that they are logged, watched, and ended whatever happens. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { LogFile } from './log-file.ts';
import { humanLine } from './log-line.ts';
import { StartProblem } from './problem.ts';
import type { Screen } from './screen.ts';
import type { Session } from './session.ts';
import { type Program, Supervised } from './supervised.ts';

export interface Runner {
  /** Starts a process that stays; resolves with it and with what it announced. The next one is stopped before this one. */
  start(program: Program): Promise<{ process: Supervised; announced: Record<string, unknown> }>;
  /** Runs a process to its end. Throws StartProblem with its last words when it fails. */
  finish(program: Program): Promise<void>;
}

/** What a process may take to stop before it is killed. */
const stopMs = 12_000;
const tailLines = 15;

export function createRunner(dataDir: string, screen: Screen, session: Session): Runner {
  const logs = join(dataDir, 'logs');
  mkdirSync(logs, { recursive: true, mode: 0o700 });
  return {
    async start(program) {
      session.stop.signal.throwIfAborted();
      const file = new LogFile(join(logs, `${program.name}.log`));
      const process = new Supervised(program, screen, file);
      session.stop.add(program.name, async () => {
        await process.stop(stopMs);
        file.close();
      });
      session.onHardEnd(() => process.kill());
      return { process, announced: await process.start() };
    },

    async finish(program) {
      session.stop.signal.throwIfAborted();
      const file = new LogFile(join(logs, `${program.name}.log`));
      const tail: string[] = [];
      const child = program.launch();
      for (const stream of [child.stdout, child.stderr]) {
        if (!stream) continue;
        createInterface({ input: stream }).on('line', (line) => {
          file.write(line);
          tail.push(humanLine(line).text);
        });
      }
      const how = await new Promise<string>((resolve) => {
        child.on('error', (err) => resolve(err.message));
        child.on('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
      });
      file.close();
      if (how === 'exit code 0') return;
      const words = tail.slice(-tailLines).map((line) => `\n    ${line}`);
      throw new StartProblem(`${program.name} failed (${how}):${words.join('')}`);
    },
  };
}
