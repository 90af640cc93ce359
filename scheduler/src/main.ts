/** One scheduler per computing platform: claims what the server wishes, makes it so, and says what it sees. */
import { listenHealth } from '@easel/kit/health';
import { createWake, runLoop } from '@easel/kit/loop';
import { runService } from '@easel/kit/service';
import manifest from '../package.json' with { type: 'json' };
import { createSchedulerApi, leaseSeconds } from './api.ts';
import { type Config, config } from './config.ts';
import { openPlatform } from './open-platform.ts';
import { Reconciler } from './reconciler.ts';
import { SnapshotKeeper } from './snapshots.ts';
import { Sweeper } from './sweeper.ts';

/** Hints may be lost, so the queue is looked into anyway. */
const pollEveryMs = 5_000;
/** Some things that end tell nobody. */
const lookEveryMs = 1_000;
const heartbeatEveryMs = 10_000;
/** A hint may mean new settings; many hints are one heartbeat. */
const heartbeatPauseMs = 1_000;
const renewEveryMs = (leaseSeconds * 1_000) / 3;
const sweepEveryMs = 10 * 60_000;

await runService('scheduler', {
  config,
  async start(context) {
    const { log, stop, health, metrics, clock, announce } = context;
    const settings: Config = context.config;
    const { signal } = stop;
    const { platform, claimedBy, ...open } = await openPlatform({ ...context, config: settings });
    const api = createSchedulerApi({
      url: settings.EASEL_SERVER_URL,
      token: settings.EASEL_PLATFORM_TOKEN,
      claimedBy,
      log,
      clock,
      signal,
    });
    const reconciler = new Reconciler({ api, platform, log, clock, metrics, signal });
    const sweeper = new Sweeper({ api, platform, log, clock, metrics });
    const wakes = { placements: createWake(clock), snapshots: createWake(clock), beat: createWake(clock) };
    let lastBeatMs = clock.now();
    health.check('server', () => {
      if (clock.now() - lastBeatMs > 3 * heartbeatEveryMs) throw new Error('the server has not been reached lately');
    });

    const beat = async (): Promise<void> => {
      const answer = await api.heartbeat({
        ...(await platform.state()),
        version: manifest.version,
        kind: platform.kind,
        relayUrl: settings.EASEL_RELAY_URL,
        workerRelayUrl: settings.EASEL_WORKER_RELAY_URL ?? settings.EASEL_RELAY_URL,
        sshHost: settings.EASEL_SSH_HOST,
        sshPort: settings.EASEL_SSH_PORT,
      });
      lastBeatMs = clock.now();
      if (await open.adopt(answer)) wakes.beat.wake();
    };
    // The first beat before anything is started: it looks what there is, and makes the platform known.
    await beat();
    const probes = await listenHealth({ host: settings.EASEL_HEALTH_HOST, port: settings.EASEL_HEALTH_PORT, health });
    stop.add('health', () => probes.close());
    announce({ healthPort: probes.port });
    const common = { signal, log, clock };
    // Goes on while the platform is not readable yet: its problems are told.
    const beats = runLoop({ ...common, name: 'heartbeat', everyMs: heartbeatEveryMs, wake: wakes.beat }, async () => {
      await beat();
      await clock.sleep(heartbeatPauseMs, signal).catch(() => undefined);
    });
    stop.add('heartbeats', () => beats);
    await open.synced();
    if (signal.aborted) return;

    platform.onChange((environmentId) => {
      if (environmentId) reconciler.changed(environmentId);
      else wakes.snapshots.wake();
    });
    api.subscribe({
      onHint: () => {
        for (const wake of Object.values(wakes)) wake.wake();
      },
      onConnected: () => {
        reconciler.listAgain();
        wakes.placements.wake();
      },
    });
    const loops = [
      runLoop({ ...common, name: 'reconcile', everyMs: pollEveryMs, wake: wakes.placements, immediately: true }, () =>
        reconciler.turn(),
      ),
      runLoop({ ...common, name: 'renew', everyMs: renewEveryMs }, () => reconciler.renew()),
      runLoop({ ...common, name: 'look', everyMs: lookEveryMs }, () => open.look()),
      runLoop({ ...common, name: 'sweep', everyMs: sweepEveryMs }, () => sweeper.sweep()),
    ];
    const { snapshots } = platform;
    if (snapshots) {
      const keeper = new SnapshotKeeper({ api, snapshots, log });
      loops.push(
        runLoop({ ...common, name: 'snapshots', everyMs: pollEveryMs, wake: wakes.snapshots }, () => keeper.turn()),
      );
    }
    // Workers stay: they belong to their environments, not to this process.
    stop.add('acts', async () => {
      await Promise.all([...loops, reconciler.idle()]);
    });
  },
});
