/** Runs a program of ours to its end, as root in a container of its own that sees nothing but the volume. */
import type { EnvironmentId } from '@easel/schema/ids';
import { type Docker, dockerFailure, LABELS, unlessGone } from './daemon.ts';
import { readOutput } from './output.ts';
import { programCommand } from './programs.ts';

/** Where such a container sees the volume. */
export const VOLUME_INSIDE = '/.easel-volume';
/** Where every container of ours sees the pack. */
export const PACK_INSIDE = '/.easel';

/** What changing owners and removing other people's files takes. */
const CAPABILITIES = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID'];

export interface RunOnce {
  environmentId: EnvironmentId;
  image: string;
  packDir: string;
  volumeDir: string;
  signal: AbortSignal;
}

/** Resolves to what the program wrote. Throws `Failed` (volume), or the signal's reason. */
export async function runOnce<A>(
  docker: Docker,
  place: RunOnce,
  program: (argument: A) => void,
  argument: A,
): Promise<string> {
  const { environmentId, image, packDir, volumeDir, signal } = place;
  signal.throwIfAborted();
  const what = 'The home of the environment cannot be prepared';
  try {
    const container = await docker.createContainer({
      Image: image,
      User: '0:0',
      Entrypoint: programCommand(PACK_INSIDE, program, argument),
      Cmd: [],
      WorkingDir: '/',
      NetworkDisabled: true,
      Labels: { [LABELS.environment]: environmentId, [LABELS.role]: 'once' },
      HostConfig: {
        NetworkMode: 'none',
        CapDrop: ['ALL'],
        CapAdd: CAPABILITIES,
        SecurityOpt: ['no-new-privileges'],
        Mounts: [
          { Type: 'bind', Source: packDir, Target: PACK_INSIDE, ReadOnly: true },
          { Type: 'bind', Source: volumeDir, Target: VOLUME_INSIDE },
        ],
      },
    });
    const stop = () => void unlessGone(container.kill());
    signal.addEventListener('abort', stop, { once: true });
    try {
      await container.start();
      const { StatusCode: exitCode } = (await container.wait()) as { StatusCode: number };
      signal.throwIfAborted();
      const { stdout, stderr } = await readOutput(container);
      if (exitCode !== 0) throw new Error(errorLine(stderr) ?? `exit code ${exitCode}`);
      return stdout;
    } finally {
      signal.removeEventListener('abort', stop);
      await unlessGone(container.remove({ force: true, v: true }));
    }
  } catch (err) {
    signal.throwIfAborted();
    throw dockerFailure(what, err, 'volume');
  }
}

/** Of what Node.js writes when a program throws. */
function errorLine(stderr: string): string | null {
  return /^(?:\w*Error: )(.*)$/m.exec(stderr)?.[1]?.slice(0, 300) ?? null;
}
