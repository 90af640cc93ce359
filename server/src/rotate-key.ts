/** Puts what is sealed in the database under the present EASEL_SECRET_KEY, says how much that was, and exits. */
import { runService } from '@easel/kit/service';
import { serverKeyConfig } from './config.ts';
import { ServerKey } from './server-key.ts';
import { rotateServerKey } from './server-key-rotation.ts';

await runService('rotate-key', {
  config: serverKeyConfig,
  async start({ config, log, stop }) {
    const key = new ServerKey(config.EASEL_SECRET_KEY, config.EASEL_SECRET_KEYS_OTHER);
    const { rewrapped, present, unknown } = await rotateServerKey(config.EASEL_DATABASE_URL.reveal(), key);
    log.info({ rewrapped, present, unknown }, 'what is sealed lies under the present key');
    await stop.run('done');
  },
});
