/** A worker: brings one environment up, watches it, reports, lets people in, ends it. */
import { enableCompileCache, flushCompileCache } from 'node:module';
import { join } from 'node:path';

// Not in the usual place, /tmp: what people inside could write there would be run by us.
enableCompileCache(join(import.meta.dirname, '../dist/compiled'));
const { runService } = await import('@easel/kit/service');
const { configSchema } = await import('./config.ts');
const { startLife } = await import('./life.ts');
const { trustFurther } = await import('./trust.ts');
const { default: manifest } = await import('../package.json', { with: { type: 'json' } });

/** When the platform does not say how long it waits: as long as the server does after asking for a stop. */
const stopLimitMs = 60_000;
/** Of the time that the platform gives: for what must be killed, for the disk, and for the last words. */
const reserveMs = 10_000;

await runService('worker-agent', {
  config: configSchema,
  stopLimitMs,
  async start({ config, log: processLog, stop, clock }) {
    const { EASEL_ENVIRONMENT_ID: environmentId, EASEL_WORKER_ID: workerId, EASEL_GENERATION: generation } = config;
    const log = processLog.child({ environmentId, workerId, generation });
    const loadTunnel = async () => (await import('./tunnel/tunnel.ts')).startTunnel;
    const bundle = trustFurther(config.EASEL_EXTRA_CA_FILE);
    const life = startLife({
      config: bundle === null ? config : { ...config, SSL_CERT_FILE: bundle, GIT_SSL_CAINFO: bundle },
      agentVersion: manifest.version,
      loadTunnel,
      clock,
      log,
    });

    stop.add('environment', async ({ softMs }) => {
      life.stop({ reason: 'the platform ends the worker', softMs: Math.max(0, softMs - reserveMs), isUnwanted: false });
      await life.ended;
    });
    void life.ended.then(async (exitCode) => {
      await stop.run('the environment has ended');
      process.exit(exitCode);
    });
  },
});
// A worker may be killed; what it has compiled so far serves the next one.
flushCompileCache();
