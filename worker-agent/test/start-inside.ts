/** Starts the helper for tests: on this machine, or in a Docker container through the `docker` command. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '@easel/kit/log';
import { type Inside, startInside } from '../src/inside/client.ts';
import { buildPack } from '../src/inside/pack/build.ts';
import { helperCommand } from '../src/inside/pack/layout.ts';

export interface StartedInside extends AsyncDisposable {
  inside: Inside;
  home: string;
}

export async function testPack(): Promise<string> {
  return (await buildPack({ into: join(import.meta.dirname, '../dist') })).path;
}

/** As a child process of the test, with a home of its own. */
export async function startHere(env: Record<string, string> = {}): Promise<StartedInside> {
  const folder = mkdtempSync(join(tmpdir(), 'easel-in-'));
  const pack = await testPack();
  const inside = await startInside({
    socketDir: folder,
    insideSocketDir: folder,
    log: silentLog,
    ownPortsOnly: true,
    start: async (argv, stdin) => {
      const [file, ...args] = [...helperCommand(pack), ...argv] as [string, ...string[]];
      return startedBy(
        spawn(file, args, {
          env: { PATH: process.env.PATH, HOME: folder, EASEL_ENVIRONMENT_ID: 'test', ...env },
          cwd: '/',
          stdio: ['pipe', 'inherit', 'inherit'],
        }),
        stdin,
      );
    },
  });
  return {
    inside,
    home: folder,
    [Symbol.asyncDispose]: async () => {
      await inside.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** In a running container that has the pack at `/.easel` and `runDir` at `/.easel-run`. */
export async function startInContainer(container: string, runDir: string, user?: string): Promise<Inside> {
  chmodSync(runDir, 0o755);
  return startInside({
    socketDir: runDir,
    insideSocketDir: '/.easel-run',
    log: silentLog,
    start: async (argv, stdin) => {
      const as = user === undefined ? [] : ['--user', user];
      const command = ['exec', '-i', ...as, container, ...helperCommand('/.easel'), ...argv];
      return startedBy(spawn('docker', command, { stdio: ['pipe', 'inherit', 'inherit'] }), stdin);
    },
  });
}

function startedBy(child: ChildProcess, stdin: string): { ended: Promise<string>; kill(): Promise<void> } {
  const ended = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
    child.once('error', (err) => resolve(err.message));
  });
  child.stdin!.on('error', () => undefined);
  child.stdin!.end(stdin);
  const kill = async () => {
    child.kill('SIGTERM');
    await ended;
  };
  return { ended, kill };
}
