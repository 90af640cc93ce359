/** Brings the database that EASEL_DATABASE_URL names up to date, and exits. */
import { runService } from '@easel/kit/service';
import { databaseConfig } from './config.ts';
import { migrate } from './migrations.ts';

await runService('migrate', {
  config: databaseConfig,
  async start({ config, log, announce }) {
    const applied = await migrate(config.EASEL_DATABASE_URL.reveal());
    log.info({ applied }, 'database is up to date');
    announce({ applied });
  },
});
// Nothing is left to wait for but the supervisor.
if (process.connected) process.disconnect();
