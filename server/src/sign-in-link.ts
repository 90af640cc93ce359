/**
 * Prints a link that signs the administrator in, once, and exits: for whoever may run commands beside the server, as at the
 * first sign-in after an installation. It reads the server's own environment.
 */
import { runService } from '@easel/kit/service';
import { createApp } from './app.ts';
import { newSignInLink } from './bootstrap.ts';
import { config as configSchema } from './config.ts';
import { openDatabase } from './db.ts';
import { urlOf } from './http/server.ts';
import { openObjects } from './objects/open-objects.ts';

await runService('sign-in-link', {
  config: configSchema,
  async start({ config, log, stop, clock }) {
    const database = openDatabase({ url: config.EASEL_DATABASE_URL.reveal(), connections: 2, log });
    stop.add('database', () => database.close());
    const objects = openObjects(config);
    stop.add('object store', () => objects.close());
    const app = createApp({ config, database, objects, clock, log });
    const publicUrl = config.EASEL_PUBLIC_URL ?? urlOf(config.EASEL_HOST, config.EASEL_PORT);
    process.stdout.write(`${await newSignInLink(app, publicUrl)}\n`);
    await stop.run('done');
  },
});
