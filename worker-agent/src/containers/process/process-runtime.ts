/**
 * The dev container without containers: plain processes of this machine in a folder of their own, as an unprivileged user
 * when the agent is root. There is no isolation between environments; the installation says so.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, chownSync, constants, copyFileSync, existsSync, statSync, writeFileSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import type { EnvironmentId } from '@easel/schema/ids';
import type { Manifest } from '@easel/schema/wire/manifest';
import { gitConfigOf } from '../../sources/git-author.ts';
import { Failed } from '../../steps/failed.ts';
import type { StepContext } from '../../steps/runner.ts';
import type { Volume } from '../../volume.ts';
import { followLines } from '../lines.ts';
import { ownTree } from '../own-tree.ts';
import type { HelperProcess, Inhabitant, Runtime, RuntimeEvents, Usage } from '../runtime.ts';
import { type LocalUser, localUser } from './local-user.ts';
import { ProcessGroup } from './process-group.ts';

const SKELETON_DIR = '/etc/skel';
const SKELETON_FILES = ['.bashrc', '.profile', '.bash_logout'];
/** Linux reports processor time to programs in hundredths of a second (sysconf(_SC_CLK_TCK)). */
const TICKS_PER_SECOND = 100;
const PAGE_BYTES = 4096;

export class ProcessRuntime implements Runtime {
  readonly kind = 'process';
  readonly prepareImages = null;
  readonly insidePaths: { packDir: string; socketDir: string };
  /** Without containers there is nothing that could end by itself: the helper is started again. */
  readonly broken = new Promise<never>(() => undefined);
  readonly #environmentId: EnvironmentId;
  readonly #owner: Manifest['owner'];
  readonly #volume: Volume;
  readonly #configuredUser: string | undefined;
  readonly #machineEnv: Readonly<Record<string, string>>;
  readonly #events: RuntimeEvents;
  readonly #log: Log;
  readonly #group: ProcessGroup;
  #user: LocalUser | null = null;

  constructor(options: {
    manifest: Pick<Manifest, 'environmentId' | 'owner'>;
    volume: Volume;
    packDir: string;
    socketDir: string;
    configuredUser: string | undefined;
    machineEnv: Readonly<Record<string, string>>;
    events: RuntimeEvents;
    clock: Clock;
    log: Log;
  }) {
    const { environmentId, owner } = options.manifest;
    this.#environmentId = environmentId;
    this.#owner = owner;
    this.#volume = options.volume;
    this.#configuredUser = options.configuredUser;
    this.#machineEnv = options.machineEnv;
    this.#events = options.events;
    this.#log = options.log;
    this.insidePaths = { packDir: options.packDir, socketDir: options.socketDir };
    this.#group = new ProcessGroup({
      environmentId,
      marksDir: options.volume.marksDir,
      clock: options.clock,
    });
  }

  async moveIn(): Promise<Inhabitant> {
    const user = localUser(this.#configuredUser);
    this.#user = user;
    const { home } = this.#volume;
    const inhabitant = { user: user.name, uid: user.uid, gid: user.gid, home };
    this.#mayEnter(user, this.insidePaths.packDir);
    this.#mayEnter(user, this.#volume.dir);
    const mark = this.#volume.read('home');
    if (!mark) fillHome(home, this.#owner);
    if (mark?.uid !== user.uid || mark.gid !== user.gid) {
      await ownTree(home, user);
      chmodSync(home, 0o700);
      await this.#volume.write('home', { ...inhabitant, imageId: null });
    }
    return inhabitant;
  }

  async handOver(folder: string, target: string): Promise<void> {
    await ownTree(folder, this.#inhabitant());
    await rename(folder, join(this.#volume.home, target));
  }

  async start(context: StepContext): Promise<void> {
    context.undo.add('processes', (softMs) => this.end(softMs));
    // What a killed agent of this environment left behind would be a second writer on the volume.
    await this.#group.end(0);
    this.#group.prepare();
    chownSync(this.insidePaths.socketDir, this.#inhabitant().uid, this.#inhabitant().gid);
    this.#events.report({ type: 'container.started', name: 'dev', image: '' });
  }

  async startHelper(command: string[], stdin: string): Promise<HelperProcess> {
    const user = this.#inhabitant();
    const [program = '', ...args] = command;
    const child = spawn(program, args, {
      cwd: this.#volume.home,
      env: {
        ...this.#machineEnv,
        LANG: 'C.UTF-8',
        HOME: this.#volume.home,
        USER: user.name,
        LOGNAME: user.name,
        EASEL_ENVIRONMENT_ID: this.#environmentId,
      },
      stdio: ['pipe', 'pipe', 'pipe'],
      // A session of its own: its end takes nobody of ours along, and ours not it.
      detached: true,
      ...(process.getuid?.() === 0 ? { uid: user.uid, gid: user.gid } : {}),
    });
    const ended = endOf(child);
    if (child.pid === undefined) throw startFailure(await ended);
    this.#group.adopt(child.pid);
    child.stdin.on('error', () => undefined);
    child.stdin.end(stdin);
    followLines(child.stdout, (text) => this.#log.info({ text }, 'helper wrote'));
    followLines(child.stderr, (text) => this.#log.warn({ text }, 'helper complained'));
    return {
      ended,
      async kill() {
        child.kill('SIGKILL');
        await ended;
      },
    };
  }

  async usage(): Promise<Usage> {
    const members = this.#group.members();
    const sum = (of: (member: (typeof members)[number]) => number) =>
      members.reduce((total, member) => total + of(member), 0);
    return {
      cpuSeconds: sum((member) => member.cpuTicks) / TICKS_PER_SECOND,
      memoryBytes: sum((member) => member.residentPages) * PAGE_BYTES,
      memoryLimitBytes: null,
      processes: members.length,
    };
  }

  end(softMs: number): Promise<{ isClean: boolean }> {
    return this.#group.end(softMs);
  }

  #inhabitant(): LocalUser {
    if (!this.#user) throw new Error('nobody has moved in yet');
    return this.#user;
  }

  /** Throws `Failed` (platform) when a folder above it keeps the user out. */
  #mayEnter(user: LocalUser, path: string): void {
    if (process.getuid?.() !== 0) return;
    for (let folder = path; ; folder = dirname(folder)) {
      const { mode, uid, gid } = statSync(folder);
      const shift = uid === user.uid ? 6 : gid === user.gid ? 3 : 0;
      if (((mode >> shift) & 1) === 0) {
        throw new Failed({
          class: 'platform',
          message: `The environment runs as the user ${user.name}, who may not enter ${folder}.`,
          advice: `Ask an administrator to keep Easel's folders where every user may enter (chmod o+x ${folder}), or to name another user in EASEL_LOCAL_USER.`,
        });
      }
      if (folder === '/') return;
    }
  }
}

/** Resolves, never rejects, to how the process ended. */
function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once('error', (err) => resolve(err.message));
    child.once('exit', (code, signal) => resolve(signal ? `ended by ${signal}` : `ended with exit code ${code}`));
  });
}

function startFailure(reason: string): Failed {
  return new Failed({ class: 'platform', message: `The helper of the worker could not be started: ${reason}.` });
}

/** What `useradd -m` would do, and who the owner is for git. The home is still ours. */
function fillHome(home: string, owner: Manifest['owner']): void {
  const { COPYFILE_EXCL } = constants;
  for (const name of SKELETON_FILES) {
    const from = join(SKELETON_DIR, name);
    if (existsSync(from)) unlessThere(() => copyFileSync(from, join(home, name), COPYFILE_EXCL));
  }
  unlessThere(() => writeFileSync(join(home, '.gitconfig'), gitConfigOf(owner), { flag: 'wx' }));
}

function unlessThere(make: () => void): void {
  try {
    make();
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== 'EEXIST') throw err;
  }
}
