/**
 * The helper inside, started again when it ends while the environment runs on.
 *
 * A build that uses up the memory may take the helper with it; people should then lose their sessions, not their
 * environment. Whoever holds this `Inside` does not notice but for the sessions: calls wait for the next helper. After
 * `maxRestarts` in a row it is given up, and `ended` resolves.
 */
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import type { Identity, Inside } from './inside/client.ts';

const maxRestarts = 5;
/** A helper that lived this long was well: the count starts again. */
const stableMs = 60_000;
const restartWaitMs = 500;

/** Starts the first helper; throws what its start throws. */
export async function keepInside(options: { start: () => Promise<Inside>; clock: Clock; log: Log }): Promise<Inside> {
  const { clock, log } = options;
  const over = Promise.withResolvers<{ reason: string }>();
  let isClosing = false;
  let current: Promise<Inside> = options.start();
  const identity: Identity = (await current).identity;

  async function keep(): Promise<void> {
    for (let failures = 0; ; ) {
      const startedMs = clock.now();
      const { reason } = await current.then(
        (inside) => inside.ended,
        (err: unknown) => ({ reason: err instanceof Error ? err.message : String(err) }),
      );
      failures = clock.now() - startedMs > stableMs ? 1 : failures + 1;
      if (isClosing || failures > maxRestarts) return over.resolve({ reason });
      log.warn({ reason, attempt: failures }, 'helper inside ended, starting it again');
      current = clock.sleep(restartWaitMs).then(() => {
        if (isClosing) throw new Error('closing');
        return options.start();
      });
      current.catch(() => undefined);
    }
  }
  void keep();

  return {
    identity,
    spawn: async (spawn) => (await current).spawn(spawn),
    connect: async (target) => (await current).connect(target),
    listen: async (target, onConnection) => (await current).listen(target, onConnection),
    sftp: async () => (await current).sftp(),
    listeningPorts: async () => (await current).listeningPorts(),
    ended: over.promise,
    async close() {
      isClosing = true;
      await current.then(
        (inside) => inside.close(),
        () => undefined,
      );
      await over.promise;
    },
  };
}
