/**
 * Easel on one machine. Who: this process supervises PostgreSQL and our services, which are real processes of their own.
 * When: from `npm start` until Ctrl-C, SIGTERM or the end of the terminal. What starts is registered with `stop` first, so
 * whatever happens, the closers end it in reverse order: workers, jump, relay, scheduler, server, PostgreSQL. If this process
 * is killed, the services see it and stop; workers work on and are adopted at the next start.
 */
import { parseOptions } from './options.mjs';
import { StartProblem } from './problem.ts';
import { Screen } from './screen.ts';
import { createSession } from './session.ts';
import { startEverything } from './start.ts';
import { summaryJson, summaryLines } from './summary.ts';

const { options, problem } = parseOptions(process.argv.slice(2));
if (!options) throw new Error(problem);

// Other users enter folders of ours; what they may not see has a mode of its own.
process.umask(0o022);
const screen = new Screen(options.json ? process.stderr : process.stdout, { isVerbose: options.verbose });
const session = createSession(screen);
try {
  const ready = await startEverything(options, screen, session);
  if (!session.stop.stopping) {
    for (const line of summaryLines(ready)) screen.line(line);
    if (options.json) process.stdout.write(`${summaryJson(ready)}\n`);
  }
} catch (err) {
  // A start that is cut short by a stop fails as it should.
  if (!session.stop.stopping) {
    screen.problem(err instanceof StartProblem ? err.message : ((err as Error).stack ?? String(err)));
    await session.end('start failed', 1);
  }
}
