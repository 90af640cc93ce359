/** Starts the helper inside a running container: `docker exec`, as the image's user, with its standard input given. */
import type { Log } from '@easel/kit/log';
import { helperEnvironment } from '../../inside/pack/layout.ts';
import type { HelperProcess, Inhabitant } from '../runtime.ts';
import type { Box } from './box.ts';
import type { Docker } from './daemon.ts';
import { splitOutput } from './output.ts';

/** How long the helper may take to end once its input has ended and its sockets are gone. */
const endLimitMs = 3_000;

export async function startHelperIn(options: {
  docker: Docker;
  box: Box;
  command: string[];
  stdin: string;
  inhabitant: Inhabitant;
  imageEnv: Readonly<Record<string, string>>;
  log: Log;
}): Promise<HelperProcess> {
  const { docker, box, command, stdin, inhabitant, imageEnv, log } = options;
  const own = {
    HOME: inhabitant.home,
    USER: inhabitant.user,
    LOGNAME: inhabitant.user,
    ...helperEnvironment(imageEnv),
  };
  const exec = await box.container.exec({
    Cmd: command,
    Env: Object.entries(own).map(([name, value]) => `${name}=${value}`),
    WorkingDir: '/',
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
  });
  const stream = await exec.start({ hijack: true, stdin: true });
  splitOutput(docker, stream, (name, text) => log.warn({ text, stream: name }, 'helper wrote'));
  const closed = new Promise<void>((resolve) => {
    stream.once('close', resolve);
    stream.once('end', resolve);
    stream.once('error', () => resolve());
  });
  stream.write(stdin);
  stream.end();
  const ended = closed.then(async () => {
    const state = await exec.inspect().catch(() => null);
    return state ? `ended with exit code ${state.ExitCode}` : 'its container is gone';
  });
  return {
    ended,
    async kill() {
      // Nothing of Docker's kills what an exec started. The helper ends by itself when its control connection does.
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(late.resolve, endLimitMs);
      await Promise.race([ended, late.promise]);
      clearTimeout(timer);
      stream.destroy();
    },
  };
}
