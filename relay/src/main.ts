import { runLoop } from '@easel/kit/loop';
import { runService } from '@easel/kit/service';
import { config } from './config.ts';
import { isMaskNative } from './mask.ts';
import { Relay } from './relay.ts';
import { Tickets } from './tickets.ts';

/** Keys change rarely, and an unknown one is asked for at once: this only forgets keys that were taken back. */
const refreshEveryMs = 600_000;
/** Until the first keys have come. */
const firstKeysEveryMs = 2_000;

await runService('relay', {
  config,
  async start({ config, log, stop, health, metrics, clock, announce }) {
    if (!isMaskNative) log.warn({}, 'bufferutil has no native code here: unmasking takes several times the cpu');

    const tickets = new Tickets({ serverUrl: config.serverUrl, clock, log });
    health.check('ticket keys', () => {
      if (!tickets.hasKeys) throw new Error(`no keys from ${config.serverUrl} yet`);
    });

    const relay = new Relay({ config, tickets, health, metrics, clock, log });
    const port = await relay.listen();
    stop.add('relay', ({ softMs }) => relay.close(softMs));

    const { signal } = stop;
    void runLoop({ name: 'beat', everyMs: 1_000, signal, log, clock, immediately: true }, () => relay.beat());
    void keepKeys();
    announce({ port });

    async function keepKeys(): Promise<void> {
      const untilFirst = new AbortController();
      const first = AbortSignal.any([signal, untilFirst.signal]);
      await runLoop(
        { name: 'first keys', everyMs: firstKeysEveryMs, signal: first, log, clock, immediately: true },
        async () => {
          await tickets.refresh();
          untilFirst.abort();
        },
      );
      await runLoop({ name: 'keys', everyMs: refreshEveryMs, signal, log, clock }, () => tickets.refresh());
    }
  },
});
