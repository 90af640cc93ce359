/** The step `ide`: waits a moment for the port that the IDE is reached on. */
import type { Clock } from '@easel/kit/clock';
import type { Inside } from '../inside/client.ts';
import type { Outcome, StepContext } from './runner.ts';

/** An IDE that is not up by then comes later: people are let in, and may look why. */
const waitLimitMs = 10_000;
const knockEveryMs = 100;

/** Never fails: an environment without its IDE can still be worked in by SSH. */
export async function awaitIde(
  options: { port: number; inside: Inside; clock: Clock },
  context: StepContext,
): Promise<Outcome<void>> {
  const { port, inside, clock } = options;
  const untilMs = clock.now() + waitLimitMs;
  context.progress(null, `Waiting for port ${port}.`);
  while (clock.now() < untilMs) {
    context.signal.throwIfAborted();
    if (await isOpen(inside, port)) return { value: undefined, text: `Port ${port} is open.` };
    await clock.sleep(knockEveryMs, context.signal);
  }
  return { value: undefined, text: `Nothing listens on port ${port} yet.` };
}

async function isOpen(inside: Inside, port: number): Promise<boolean> {
  try {
    (await inside.connect({ host: '127.0.0.1', port })).destroy();
    return true;
  } catch {
    return false;
  }
}
