/** The first faults that the house shrugs off. Each ends with the environment right and nothing doubled. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../kit/describe-with.ts';
import { makeRepository } from '../kit/repository.ts';
import { type SshUser, sshUser } from '../kit/ssh.ts';
import { eventually, type Stack, startStack } from '../kit/stack.ts';

const PHASE =
  'query ($name: String) { environment(name: $name) { phase connectivity failure { class message } events(first: 50) { edges { node { to } } } } }';
interface Shown {
  phase: string;
  connectivity: string;
  failure: { class: string; message: string } | null;
  events: { edges: { node: { to: string } }[] };
}

describeWith(['git', 'openssh client', 'built web'], 'a fault', () => {
  let stack: Stack;
  let repository: string;
  let user: SshUser;
  beforeAll(async () => {
    stack = await startStack({ runtime: 'process' });
    repository = makeRepository(join(stack.scratchDir, 'repository'));
    user = await sshUser(stack);
    await stack.easelJson(['create', 'steady', '--git', repository, '--wait']);
  });
  afterAll(async () => {
    await stack?.stop();
  });

  it('of the server does not touch open sessions, and its workers come back', async () => {
    const session = openSession('steady');
    expect(await session.say('is open')).toContain('is open');
    await kill('server/src/main.ts');
    expect(await session.say('still here')).toContain('still here');
    await steady();
    expect(await session.say('and after')).toContain('and after');
    session.child.kill();
  });

  it('of the scheduler loses and doubles no worker', async () => {
    const before = workers();
    await kill('scheduler/src/main.ts');
    await eventually(() => stack.processesOf('scheduler/src/main.ts').length === 1, 30_000, 'a new scheduler');
    await stack.easelJson(['create', 'after-scheduler', '--git', repository, '--wait']);
    expect(workers().filter((pid) => before.includes(pid))).toEqual(before);
    expect(workers().length).toBe(before.length + 1);
  });

  it('of the scheduler in the middle of a create makes one worker', async () => {
    const names = ['mid-1', 'mid-2', 'mid-3'];
    const before = workers().length;
    const waits = names.map((name) =>
      stack.easelJson(['create', name, '--git', repository, '--wait'], { timeoutMs: 120_000 }),
    );
    for (let i = 0; i < 4; i++) {
      await new Promise((resolve) => setTimeout(resolve, 300));
      const [scheduler] = stack.processesOf('scheduler/src/main.ts');
      if (scheduler) process.kill(scheduler.identity.pid, 'SIGKILL');
    }
    expect((await Promise.all(waits)).map(({ phase }) => phase)).toEqual(names.map(() => 'running'));
    expect(workers().length).toBe(before + names.length);
  });

  it('of the relay or the jump lets people in again', async () => {
    await kill('relay/src/main.ts');
    await kill('jump/src/main.ts');
    await eventually(async () => (await user.run('steady', 'echo in')).stdout === 'in\n', 60_000, 'ssh');
  });

  it('of PostgreSQL is outlived by everything', async () => {
    const pid = Number(readFileSync(join(stack.dataDir, 'postgres/postmaster.pid'), 'utf8').split('\n')[0]);
    process.kill(pid, 'SIGQUIT');
    await steady();
    await stack.easelJson(['create', 'after-postgres', '--git', repository, '--wait']);
  });

  it('of a worker is seen, shown with its reason, and repaired by a start', async () => {
    await stack.easelJson(['create', 'victim', '--git', repository, '--wait']);
    const { id } = await stack.easelJson(['show', 'victim']);
    await user.run('victim', 'echo kept > note');
    const worker = stack.processesOf('worker-agent/src/main.ts').find(({ env }) => env.EASEL_ENVIRONMENT_ID === id);
    process.kill(worker!.identity.pid, 'SIGKILL');
    const failed = await eventually(
      async () => {
        const now = await shown('victim');
        return now.phase === 'failed' ? now : null;
      },
      60_000,
      'failed',
    );
    expect(failed.failure?.class).toBe('worker_lost');
    expect(failed.events.edges.map(({ node }) => node.to)).toContain('interrupted');
    expect((await stack.easelJson(['start', 'victim', '--wait'])).phase).toBe('running');
    expect((await user.run('victim', 'cat note')).stdout).toBe('kept\n');
  });

  it('of a worker that hangs is seen within half a minute, and forgotten when it comes back', async () => {
    const { id } = await stack.easelJson(['show', 'steady']);
    const worker = stack.processesOf('worker-agent/src/main.ts').find(({ env }) => env.EASEL_ENVIRONMENT_ID === id);
    process.kill(worker!.identity.pid, 'SIGSTOP');
    try {
      await eventually(async () => (await shown('steady')).phase === 'interrupted', 45_000, 'interrupted');
    } finally {
      process.kill(worker!.identity.pid, 'SIGCONT');
    }
    await steady();
  });

  async function shown(name: string): Promise<Shown> {
    return (await stack.api.query<{ environment: Shown }>(PHASE, { name })).environment;
  }

  /** Waits until the environment that stands through all faults is heard and running. */
  async function steady(): Promise<void> {
    await eventually(
      async () => {
        const { phase, connectivity } = await shown('steady');
        return phase === 'running' && connectivity === 'online';
      },
      60_000,
      'steady running and online',
    );
  }

  function workers(): number[] {
    return stack
      .processesOf('worker-agent/src/main.ts')
      .map(({ identity }) => identity.pid)
      .sort();
  }

  async function kill(file: string): Promise<void> {
    const [found] = stack.processesOf(file);
    process.kill(found!.identity.pid, 'SIGKILL');
    await eventually(
      () => stack.processesOf(file).some(({ identity }) => identity.pid !== found!.identity.pid),
      30_000,
      `${file} again`,
    );
  }

  /** A shell that stays open and echoes what it is told. */
  function openSession(name: string): { child: ChildProcess; say(text: string): Promise<string> } {
    const child = spawn('ssh', ['-p', `${stack.sshPort}`, ...user.options, `${name}@${stack.sshHost}`, 'cat']);
    return {
      child,
      say: (text) =>
        new Promise((resolve, reject) => {
          const timer = setTimeout(() => reject(new Error(`no echo of ${text}`)), 20_000);
          child.stdout.once('data', (data: Buffer) => {
            clearTimeout(timer);
            resolve(data.toString());
          });
          child.stdin.write(`${text}\n`);
        }),
    };
  }
});
