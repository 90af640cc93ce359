import { createApiClient } from '@easel/kit/api-client';
import { listenHealth } from '@easel/kit/health';
import { runLoop } from '@easel/kit/loop';
import { runService } from '@easel/kit/service';
import ciphers from 'ssh2/lib/protocol/crypto.js';
import { announceHostKeys } from './announcing.ts';
import { Authorities } from './authorities.ts';
import { config } from './config.ts';
import { createGrants } from './grants.ts';
import { openHostKeys } from './host-keys.ts';
import { Jump } from './jump.ts';
import { createJumpMetrics } from './metrics.ts';

await runService('jump', {
  config,
  async start({ config, log, stop, health, metrics, clock, announce }) {
    if (!ciphers.bindingAvailable) {
      log.error(
        {},
        'ssh2 has no native ciphers here: chacha20 takes twice the cpu. run "npm run build" with a c++ compiler',
      );
    }
    const { signal } = stop;
    const hostKeys = openHostKeys(config.hostKeyDir);
    const healthPort = await listenHealth({ ...config.health, health });
    stop.add('health', () => healthPort.close());

    const api = createApiClient({
      url: config.serverUrl,
      token: () => config.platformToken.reveal(),
      log,
      clock,
    });
    stop.add('api', () => api.close());

    const grants = createGrants(api);
    const authorities = new Authorities({ serverUrl: config.serverUrl, clock, log });
    const jump = new Jump({ config, hostKeys, grants, authorities, metrics: createJumpMetrics(metrics), clock, log });
    const port = await jump.listen();
    stop.add('jump', ({ softMs }) => jump.close(softMs));

    const everyMs = config.recheckSeconds * 1_000;
    void announceHostKeys({ api, hostKeys, signal, log, clock });
    void runLoop({ name: 'recheck', everyMs, signal, log, clock }, () => jump.recheck(signal));
    announce({ port, healthPort: healthPort.port });
  },
});
