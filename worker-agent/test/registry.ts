/** A registry of images on this machine, for daemons in containers of this machine, that asks for a sign-in to read and write. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The sign-in, and its line in the registry's file: bcrypt, which is all that it takes. */
export const SIGN_IN = { username: 'ada', password: 'not-a-secret' };
const HTPASSWD = '$2b$05$6Q1GfmwVhS8kgnNWE2T4EefzXu5spx9H.mKvGoLi0h1iLf9jjclAu';

const startLimitMs = 15_000;

export interface Registry {
  port: number;
  /** Pushes an image of the machine's daemon; it is `name` there too. */
  push(image: string, name: string): void;
  stop(): Promise<void>;
}

export async function startRegistry(): Promise<Registry> {
  const dir = mkdtempSync(join(tmpdir(), 'easel-registry-'));
  const port = await freePort();
  writeFileSync(join(dir, 'htpasswd'), `${SIGN_IN.username}:${HTPASSWD}\n`);
  writeFileSync(join(dir, 'config.yml'), configText(dir, port));
  const child = spawn('docker-registry', ['serve', join(dir, 'config.yml')], { stdio: 'ignore' });
  await answers(child, port);
  return {
    port,
    push(image, name) {
      const config = join(dir, 'client');
      const there = `127.0.0.1:${port}/${name}`;
      const docker = (args: string[], input?: string) =>
        execFileSync('docker', ['--config', config, ...args], { input, stdio: ['pipe', 'pipe', 'pipe'] });
      docker(['login', '--username', SIGN_IN.username, '--password-stdin', `127.0.0.1:${port}`], SIGN_IN.password);
      docker(['tag', image, there]);
      docker(['push', there]);
      docker(['image', 'rm', there]);
    },
    async stop() {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function configText(dir: string, port: number): string {
  return `version: 0.1
log: { level: error }
storage: { filesystem: { rootdirectory: ${dir}/data } }
http: { addr: "0.0.0.0:${port}" }
auth: { htpasswd: { realm: easel, path: ${dir}/htpasswd } }
`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0);
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

async function answers(child: ChildProcess, port: number): Promise<void> {
  const untilMs = Date.now() + startLimitMs;
  while (Date.now() < untilMs && child.exitCode === null) {
    const status = await fetch(`http://127.0.0.1:${port}/v2/`).then(
      (answer) => answer.status,
      () => null,
    );
    if (status === 401) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  child.kill('SIGKILL');
  throw new Error('docker-registry did not start');
}
