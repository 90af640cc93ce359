/** The server: API, worker gateway, sign-in, background jobs and the UI, on one port. */
import { listenHealth } from '@easel/kit/health';
import { runService } from '@easel/kit/service';
import { createApp } from './app.ts';
import { bootstrap, newSignInLink } from './bootstrap.ts';
import { config as configSchema } from './config.ts';
import { openDatabase, reading } from './db.ts';
import { watchPhases } from './environment/phase-gauge.ts';
import { createHttp } from './http/http.ts';
import { closeHttp, listenHttp, urlOf } from './http/server.ts';
import { loadUi } from './http/ui.ts';
import { runJobs } from './jobs/jobs.ts';
import { runOutgoing } from './jobs/outgoing.ts';
import { createLive } from './live/live.ts';
import { routeUpgrades } from './live/upgrade.ts';
import { createLogWriter } from './log/log-writer.ts';
import { requireMigrated } from './migrations.ts';
import { openObjects } from './objects/open-objects.ts';
import { createHeard } from './presence/heard.ts';
import { createPresence } from './presence/presence.service.ts';
import { createSteady, watchSilence } from './presence/silence.ts';
import { createWorkerGateway } from './worker/worker-gateway.ts';

await runService('server', {
  config: configSchema,
  async start({ config, log, stop, health, metrics, clock, announce }) {
    const { signal } = stop;
    const databaseUrl = config.EASEL_DATABASE_URL.reveal();
    const database = openDatabase({
      url: databaseUrl,
      connections: config.EASEL_DATABASE_CONNECTIONS,
      log,
    });
    const { db, pool } = database;
    stop.add('database', () => database.close());
    health.check('database', async () => {
      await reading(() => pool.query('SELECT 1'));
    });
    await requireMigrated(databaseUrl);
    if (config.EASEL_HEALTH_PORT !== undefined) {
      const probes = await listenHealth({ host: config.EASEL_HEALTH_HOST, port: config.EASEL_HEALTH_PORT, health });
      stop.add('health', () => probes.close());
    }
    const objects = openObjects(config);
    stop.add('object store', () => objects.close());

    const app = createApp({ config, database, objects, clock, log });
    const { facts, sessions, sshAuthorities, tickets } = app;
    stop.add('audit refusals', () => app.services.audit.tellCounts({ isEnd: true }));
    await bootstrap(app, config);
    const live = await createLive({ databaseUrl, database: db, log, signal, clock });
    stop.add('live', () => live.closed);

    const steady = createSteady(clock);
    const lostMs = config.EASEL_HEARTBEAT_LOST_SECONDS * 1000;
    const heard = createHeard({ heartbeatMs: config.EASEL_HEARTBEAT_SECONDS * 1000, lostMs });
    const onUncertain = steady.reset;
    const presence = createPresence({ db, database: pool, facts, live, heard, log, metrics, onUncertain });
    const beating = presence.run(signal);
    stop.add('presence', () => beating);
    const watching = watchSilence({ db, database: pool, facts, heard, steady, lostMs, log, clock }, signal);
    stop.add('silence', () => watching);
    const sweeping = runJobs(
      {
        db,
        pool,
        objects,
        facts,
        snapshots: app.services.snapshotScheduler,
        tellSilentPlatforms: () => app.services.platforms.tellSilent(),
        sweepShares: () => app.services.shares.sweep(),
        cleanUp: () => app.services.cleanup.sweep(),
        forgetShares: () => app.services.shares.forget(),
        sweepSessions: async () => {
          await sessions.sweep();
          await app.services.redirectSignIn.sweep();
          await app.saml.sweep();
          await app.localSignIn.sweep();
          await app.services.clientCredentials.sweep();
          await app.services.deviceSignIns.sweep();
        },
        audit: {
          databaseDays: config.EASEL_AUDIT_DATABASE_DAYS,
          retentionDays: config.EASEL_AUDIT_RETENTION_DAYS,
        },
        tellRefusals: () => app.services.audit.tellCounts(),
        refreshSamlMetadata: () => app.services.samlModules.refreshDue(),
        tellEndedTokens: (sinceMs) => app.services.apiTokens.tellEnded(sinceMs),
        checkAtProviders: () => app.providerCheck.sweep(),
        rotateSigningKeys: async () => {
          await tickets.rotate();
          await sshAuthorities.rotate();
        },
        stopSeconds: config.EASEL_STOP_SECONDS,
        log,
        clock,
      },
      signal,
    );
    stop.add('jobs', () => sweeping);
    const outgoing = runOutgoing({ db, pool, services: app.services, log, clock }, signal);
    stop.add('outgoing', () => outgoing);
    if (app.services.mails.whyOff) log.info({ reason: app.services.mails.whyOff }, 'mail is off');
    const counting = watchPhases({ db, metrics, log }, signal);
    stop.add('phases', () => counting);

    const ui = await loadUi(config.EASEL_PUBLIC_URL ?? null, log);
    const { server, sockets } = createHttp({ app, clock, config, db, health, live, log, metrics, ui });
    stop.add('http', ({ softMs }) => closeHttp(server, softMs));

    const workers = createWorkerGateway({
      db,
      facts,
      live,
      presence,
      logs: createLogWriter({ database: pool, objects, log, clock }),
      log,
      metrics,
      heartbeatSeconds: config.EASEL_HEARTBEAT_SECONDS,
    });
    stop.add('worker gateway', () => workers.close());
    stop.add('graphql sockets', () => sockets.close());
    routeUpgrades(server, { '/graphql': sockets.upgrade, '/worker': workers.upgrade });

    const { port } = await listenHttp(server, { host: config.EASEL_HOST, port: config.EASEL_PORT });
    const url = config.EASEL_PUBLIC_URL ?? urlOf(config.EASEL_HOST, port);
    log.info({ url }, 'listening');
    announce({ url, ...(config.EASEL_SIGN_IN_LINK ? { signInUrl: await newSignInLink(app, url) } : {}) });
  },
});
