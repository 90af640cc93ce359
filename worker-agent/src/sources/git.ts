/**
 * Runs git of this machine for the agent: with no configuration but ours, no prompts, no hooks, no programs that a
 * repository names, and only the transports that a template may ask for. Arguments are a list, never a shell's text.
 * Source: git(1) "Environment Variables", git-config(1), gitprotocol-v2(5).
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface GitRun {
  exitCode: number | null;
  signal: NodeJS.Signals | null;
  /** The last lines of standard error, progress left out. */
  said: string;
}

/** Enough for every message of git; what a hostile server sends beyond it is forgotten. */
const maxSaidLines = 40;
const maxLineLength = 2_000;

/** Configuration that no other can overrule. */
const HARDENED = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.askPass=',
  'credential.helper=',
  'protocol.ext.allow=never',
  'submodule.recurse=false',
  'http.followRedirects=initial',
  // A host that sends less than this for so long is as good as gone.
  'http.lowSpeedLimit=100',
  'http.lowSpeedTime=60',
  'advice.detachedHead=false',
  'gc.auto=0',
];

/** No keys and no agent of whoever runs us: what the environment may read is what the repository shows to everybody. */
const SSH_COMMAND =
  'ssh -F /dev/null -o BatchMode=yes -o IdentityFile=none -o IdentityAgent=none -o StrictHostKeyChecking=accept-new -o UserKnownHostsFile=/dev/null -o ConnectTimeout=15';

export interface GitOptions {
  cwd: string;
  /** The file that takes the place of all configuration of the user and the machine. */
  configFile: string;
  /** The machine's PATH, proxies and certificates. */
  machineEnv: Readonly<Record<string, string>>;
  /** Who runs git; absent it is the agent itself. */
  user?: { uid: number; gid: number };
  signal: AbortSignal;
  onLine: (line: string) => void;
}

/** Resolves when git has ended, however. An abort kills git and all that it started. Throws when there is no git. */
export function runGit(args: readonly string[], options: GitOptions): Promise<GitRun> {
  const { signal } = options;
  signal.throwIfAborted();
  const child = spawn('git', [...HARDENED.flatMap((setting) => ['-c', setting]), ...args], {
    cwd: options.cwd,
    env: {
      ...options.machineEnv,
      HOME: '/nonexistent',
      LC_ALL: 'C',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: options.configFile,
      GIT_ATTR_NOSYSTEM: '1',
      GIT_TERMINAL_PROMPT: '0',
      GIT_ASKPASS: '',
      SSH_ASKPASS: '',
      GIT_ALLOW_PROTOCOL: 'http:https:ssh:file',
      GIT_SSH_COMMAND: SSH_COMMAND,
      GIT_LFS_SKIP_SMUDGE: '1',
    },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
    ...(options.user ? { uid: options.user.uid, gid: options.user.gid } : {}),
  });
  const said: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => {
    const text = line.slice(0, maxLineLength);
    options.onLine(text);
    if (!isProgress(text)) said.push(text);
    if (said.length > maxSaidLines) said.shift();
  });
  const killGroup = () => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
    } catch {
      // Ended in between.
    }
  };
  signal.addEventListener('abort', killGroup, { once: true });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode, ended) => {
      signal.removeEventListener('abort', killGroup);
      if (signal.aborted) reject(signal.reason);
      else resolve({ exitCode, signal: ended, said: said.join('\n') });
    });
  });
}

const PROGRESS = /^(?:remote: )?([A-Z][A-Za-z ]+): +(\d+)% \((\d+)\/(\d+)\)/;

function isProgress(line: string): boolean {
  return PROGRESS.test(line);
}

/** The phases that take time, as shares of the whole. */
const PHASES: Readonly<Record<string, [from: number, to: number]>> = {
  'Counting objects': [0, 0.02],
  'Compressing objects': [0.02, 0.05],
  'Receiving objects': [0.05, 0.8],
  'Resolving deltas': [0.8, 0.9],
  'Updating files': [0.9, 1],
};

/** How far a clone is, from a line of `--progress`; null for any other line. */
export function cloneProgress(line: string): { fraction: number | null; text: string } | null {
  const match = PROGRESS.exec(line);
  if (!match) return null;
  const [, phase = '', percent] = match;
  const share = PHASES[phase];
  const fraction = share ? share[0] + ((share[1] - share[0]) * Number(percent)) / 100 : null;
  return { fraction, text: `${phase}: ${percent} %` };
}
