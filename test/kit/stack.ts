/**
 * The whole product on this machine, as a stranger starts it: `npm start -- --json` in a data folder of its own, on free
 * ports. A stack ends with `stop()`, which fails when it leaves a process or a container behind.
 */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type ApiClient, createApiClient } from '@easel/kit/api-client';
import { type FoundProcess, findProcesses } from '@easel/kit/processes';

const root = new URL('../..', import.meta.url).pathname;
/** A first start may still have to build. */
const readyLimitMs = 240_000;
const stopLimitMs = 60_000;

export interface Ran {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface Stack {
  readonly url: string;
  readonly relayUrl: string;
  readonly sshHost: string;
  readonly sshPort: number;
  readonly token: string;
  readonly tokenFile: string;
  readonly runtime: 'docker' | 'process';
  readonly dataDir: string;
  /** The one-time link of this start. */
  readonly signInUrl: string;
  /** A folder of the test's own, gone with the stack. */
  readonly scratchDir: string;
  readonly api: ApiClient;
  /** All that the supervisor has said to people. */
  output(): string;
  /** Runs the `easel` command against this stack. */
  easel(args: readonly string[], options?: RunOptions): Promise<Ran>;
  /** The same with `--json`, parsed; throws when it does not exit with 0. */
  easelJson<T = EnvironmentJson>(args: readonly string[], options?: RunOptions): Promise<T>;
  /** Our running processes whose command line names this file, like `scheduler/src/main.ts`. */
  processesOf(file: string): FoundProcess[];
  /** Ends the supervisor as Ctrl-C does. Throws when anything of it is left. */
  stop(): Promise<void>;
}

export interface RunOptions {
  input?: string | Buffer;
  env?: Record<string, string>;
  cwd?: string;
  timeoutMs?: number;
}

/** What `easel … --json` says of an environment, as far as tests read it. */
export interface EnvironmentJson {
  id: string;
  name: string;
  phase: string;
  connectivity: string;
  failure: { class: string; message: string; advice: string; step: string | null; exitCode: number | null } | null;
  steps: { name: string; number: number; state: string; durationMs: number | null; text: string }[];
}

export interface StackOptions {
  runtime?: 'auto' | 'docker' | 'process';
  /** The data of an earlier stack; the caller removes it. */
  dataDir?: string;
  /** Those of an earlier stack: server, ssh, relay. Else free ones. */
  ports?: readonly number[];
  /** The address to listen on; loopback when not given. */
  host?: string;
  env?: Record<string, string>;
}

export async function startStack(options: StackOptions = {}): Promise<Stack> {
  // Short, since unix sockets lie below it; in /tmp, where every user may enter.
  const scratchDir = mkdtempSync('/tmp/easel-test-');
  execFileSync('chmod', ['755', scratchDir]);
  const dataDir = options.dataDir ?? join(scratchDir, 'data');
  const [port, sshPort, relayPort] = options.ports ?? (await freePorts(3));
  const args = ['--json', '--data', dataDir, '--port', port, '--ssh-port', sshPort, '--relay-port', relayPort];
  if (options.host) args.push('--host', options.host);
  const child = spawn(
    process.execPath,
    ['embedded/start.mjs', ...args.map(String), '--runtime', options.runtime ?? 'auto'],
    {
      cwd: root,
      env: { ...process.env, ...options.env, NO_COLOR: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const ready = (await readyLine(child, () => said)) as Pick<
    Stack,
    'url' | 'relayUrl' | 'sshHost' | 'sshPort' | 'tokenFile' | 'runtime' | 'dataDir'
  >;
  const token = readFileSync(ready.tokenFile, 'utf8').trim();
  const api = createApiClient({ url: ready.url, token: () => token });

  const easel = (words: readonly string[], run: RunOptions = {}) =>
    // What `npx easel` leads to, at a third of its price.
    runProgram(process.execPath, [join(root, 'gateway/bin/easel.mjs'), ...words], {
      cwd: root,
      ...run,
      env: {
        EASEL_URL: ready.url,
        EASEL_TOKEN: token,
        XDG_CONFIG_HOME: scratchDir,
        ...run.env,
      },
    });

  return {
    ...ready,
    token,
    signInUrl: /https?:\/\/\S+\/sign-in\?code=\S+/.exec(said)?.[0] ?? '',
    scratchDir,
    api,
    output: () => said,
    easel,
    async easelJson<T>(words: readonly string[], run: RunOptions = {}) {
      const ran = await easel([...words, '--json'], run);
      if (ran.code !== 0) throw new Error(`easel ${words.join(' ')} exited with ${ran.code}: ${ran.stderr}`);
      return JSON.parse(ran.stdout) as T;
    },
    processesOf: (file) =>
      findProcesses((env) => Object.values(env).some((value) => value.includes(dataDir))).filter(({ identity }) =>
        commandLine(identity.pid).includes(file),
      ),
    async stop() {
      api.close();
      await end(child);
      const left = findProcesses((env) => Object.values(env).some((value) => value.includes(dataDir)));
      const names = left.map(({ identity }) => `${identity.pid} ${commandLine(identity.pid)}`);
      for (const { identity } of left) process.kill(identity.pid, 'SIGKILL');
      rmSync(scratchDir, { recursive: true, force: true });
      if (names.length > 0) throw new Error(`left running after the stop:\n${names.join('\n')}`);
    },
  };
}

/** Runs a program to its end. Never throws for its exit code. */
export function runProgram(command: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      command,
      [...args],
      {
        cwd: options.cwd,
        env: { ...process.env, NO_COLOR: '1', ...options.env },
        timeout: options.timeoutMs ?? 90_000,
        killSignal: 'SIGKILL',
        maxBuffer: 512 * 1024 * 1024,
        encoding: 'utf8',
      },
      (err, stdout, stderr) => {
        const code = typeof err?.code === 'number' ? err.code : err ? null : 0;
        if (err && typeof err.code === 'string') reject(err);
        else resolve({ code, stdout, stderr });
      },
    );
    child.stdin?.on('error', () => undefined).end(options.input ?? '');
  });
}

/** Waits until `look` gives something, or throws with what it threw or gave last. */
export async function eventually<T>(
  look: () => Promise<T> | T,
  limitMs = 30_000,
  what = 'it',
): Promise<NonNullable<T>> {
  const untilMs = Date.now() + limitMs;
  let last: unknown;
  while (Date.now() < untilMs) {
    try {
      const found = await look();
      if (found) return found;
      last = found;
    } catch (err) {
      last = err;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(
    `${what} did not come true within ${limitMs} ms; last: ${last instanceof Error ? last.message : JSON.stringify(last)}`,
  );
}

/** Ports that nobody listens on now. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) =>
          server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
        ),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function readyLine(child: ChildProcess, said: () => string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`${why}; it said:\n${said()}`));
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      fail(`npm start was not ready in ${readyLimitMs} ms`);
    }, readyLimitMs);
    child.once('exit', (code) => {
      clearTimeout(timer);
      fail(`npm start exited with ${code}`);
    });
    createInterface({ input: child.stdout! }).once('line', (line) => {
      clearTimeout(timer);
      resolve(JSON.parse(line));
    });
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGINT');
  const timer = setTimeout(() => child.kill('SIGKILL'), stopLimitMs);
  await exited;
  clearTimeout(timer);
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}
