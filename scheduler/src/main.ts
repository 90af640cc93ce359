/** One scheduler per computing platform: claims what the server wishes, makes it so, and says what it sees. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { listenHealth } from '@easel/kit/health';
import { createWake, runLoop } from '@easel/kit/loop';
import { runService } from '@easel/kit/service';
import manifest from '../package.json' with { type: 'json' };
import { createSchedulerApi, leaseSeconds } from './api.ts';
import { type Config, config, machineVariables } from './config.ts';
import { LocalPlatform } from './local/local-platform.ts';
import { lockPlatform } from './local/lock.ts';
import { Reconciler } from './reconciler.ts';
import { Sweeper } from './sweeper.ts';

/** Hints may be lost, so the queue is looked into anyway. */
const pollEveryMs = 5_000;
/** Workers that an earlier scheduler started tell nobody when they end. */
const lookEveryMs = 1_000;
const heartbeatEveryMs = 10_000;
const renewEveryMs = (leaseSeconds * 1_000) / 3;
const sweepEveryMs = 10 * 60_000;

await runService('scheduler', {
  config,
  async start({ config, log, stop, health, metrics, clock, announce }) {
    const { signal } = stop;
    const lock = await lockPlatform(config.EASEL_DATA_DIR);
    stop.add('lock', () => lock.release());
    const platform = new LocalPlatform({ ...localOptions(config), log, clock, signal });
    const api = createSchedulerApi({
      url: config.EASEL_SERVER_URL,
      token: config.EASEL_PLATFORM_TOKEN,
      claimedBy: `local:${hostname()}:${config.EASEL_DATA_DIR}`.slice(0, 200),
      log,
      clock,
      signal,
    });
    const reconciler = new Reconciler({ api, platform, log, clock, metrics, signal });
    const sweeper = new Sweeper({ api, platform, log, clock, metrics });
    const wake = createWake(clock);
    let lastBeatMs = clock.now();
    health.check('server', () => {
      if (clock.now() - lastBeatMs > 3 * heartbeatEveryMs) throw new Error('the server has not been reached lately');
    });

    const beat = async () => {
      await api.heartbeat({
        ...(await platform.state()),
        version: manifest.version,
        kind: platform.kind,
        relayUrl: config.EASEL_RELAY_URL,
        workerRelayUrl: config.EASEL_WORKER_RELAY_URL ?? config.EASEL_RELAY_URL,
        sshHost: config.EASEL_SSH_HOST,
        sshPort: config.EASEL_SSH_PORT,
      });
      lastBeatMs = clock.now();
    };
    // The first beat before anything is started: it looks which runtime there is, and makes the platform known.
    await beat();
    const probes = await listenHealth({ host: '127.0.0.1', port: config.EASEL_HEALTH_PORT, health });
    stop.add('health', () => probes.close());
    announce({ healthPort: probes.port });

    platform.onChange((environmentId) => reconciler.changed(environmentId));
    api.subscribe({
      onHint: () => wake.wake(),
      onConnected: () => {
        reconciler.listAgain();
        wake.wake();
      },
    });
    const common = { signal, log, clock };
    const loops = [
      runLoop({ ...common, name: 'reconcile', everyMs: pollEveryMs, wake, immediately: true }, () => reconciler.turn()),
      runLoop({ ...common, name: 'renew', everyMs: renewEveryMs }, () => reconciler.renew()),
      runLoop({ ...common, name: 'look', everyMs: lookEveryMs }, () => platform.look()),
      runLoop({ ...common, name: 'heartbeat', everyMs: heartbeatEveryMs }, beat),
      runLoop({ ...common, name: 'sweep', everyMs: sweepEveryMs }, () => sweeper.sweep()),
    ];
    // Workers stay: they belong to their environments, not to this process.
    stop.add('acts', async () => {
      await Promise.all([...loops, reconciler.idle()]);
    });
  },
});

function localOptions(config: Config) {
  const agent = config.EASEL_WORKER_AGENT_DIR;
  return {
    dataDir: config.EASEL_DATA_DIR,
    runtime: config.EASEL_LOCAL_RUNTIME,
    programs: { main: join(agent, 'src/main.ts'), cleanup: join(agent, 'src/cleanup.ts') },
    surroundings: {
      serverUrl: config.EASEL_SERVER_URL,
      insideDir: config.EASEL_INSIDE_DIR,
      localUser: config.EASEL_LOCAL_USER,
      logLevel: config.EASEL_LOG_LEVEL,
      machine: machineVariables(),
    },
  };
}
