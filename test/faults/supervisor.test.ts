/** The supervisor of `npm start`: what it stops and in which order, and what becomes of the rest when it is killed itself. */
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../kit/describe-with.ts';
import { eventually, freePorts, runProgram, type Stack, startStack } from '../kit/stack.ts';

const root = new URL('../..', import.meta.url).pathname;
const WORKER = 'worker-agent/src/main.ts';
const SERVICES = ['server', 'scheduler', 'relay', 'jump'].map((name) => `${name}/src/main.ts`);

describeWith(['git', 'built web'], 'the supervisor', () => {
  let dataDir: string;
  let ports: number[];
  const stacks: Stack[] = [];
  const start = async () => {
    const stack = await startStack({ runtime: 'process', dataDir, ports });
    stacks.push(stack);
    return stack;
  };
  const supervisorPid = () => Number(readFileSync(join(dataDir, 'supervisor.pid'), 'utf8'));
  const pids = (stack: Stack, file: string) => stack.processesOf(file).map(({ identity }) => identity.pid);
  const shown = (stack: Stack, name: string) => stack.easelJson(['show', name]);

  beforeAll(async () => {
    dataDir = mkdtempSync('/tmp/easel-supervisor-');
    chmodSync(dataDir, 0o755);
    ports = await freePorts(3);
  });
  afterAll(async () => {
    for (const stack of stacks.reverse()) await stack.stop();
    rmSync(dataDir, { recursive: true, force: true });
  });

  it('lets no second one work on its data', async () => {
    const stack = await start();
    const other = await runProgram(process.execPath, ['embedded/start.mjs', '--data', dataDir, '--port', '0'], {
      cwd: root,
    });
    expect(other).toMatchObject({
      code: 1,
      stdout: expect.stringContaining(`(process ${supervisorPid()}) uses ${dataDir}`),
    });
    expect(stack.processesOf('server/src/main.ts')).toHaveLength(1);
  });

  it('killed, leaves the environments at work, and the next one adopts them', async () => {
    const first = stacks[0]!;
    await first.easelJson(['create', 'kept', '--template', 'sample', '--wait']);
    const workers = pids(first, WORKER);
    process.kill(supervisorPid(), 'SIGKILL');
    await eventually(() => SERVICES.every((file) => pids(first, file).length === 0), 20_000, 'the end of the services');
    expect(pids(first, WORKER)).toEqual(workers);

    const second = await start();
    expect(second.output()).toContain('ended the PostgreSQL that an earlier Easel left running');
    await eventually(
      async () => {
        const { phase, connectivity } = await shown(second, 'kept');
        return phase === 'running' && connectivity === 'online' && /worker connected/.test(second.output());
      },
      60_000,
      'the worker back at the server',
    );
    expect(pids(second, WORKER)).toEqual(workers);
  });

  it('stops workers first, while the server can still hear them, and leaves nothing', async () => {
    const stack = stacks[1]!;
    await stack.stop();
    const said = stack.output();
    const order = [
      'stopping one environment',
      'jump +stopping',
      'relay +stopping',
      'scheduler +stopping',
      'server +stopping',
    ];
    const places = order.map((text) => new RegExp(text).exec(said)?.index ?? -1);
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(places[0]).toBeGreaterThan(0);

    const next = await start();
    expect((await shown(next, 'kept')).phase).toBe('stopped');
    expect((await next.easelJson(['start', 'kept', '--wait'])).phase).toBe('running');
  });

  it('told twice, ends everything at once, and still leaves nothing', async () => {
    const stack = stacks[2]!;
    const pid = supervisorPid();
    process.kill(pid, 'SIGINT');
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    try {
      process.kill(pid, 'SIGINT');
    } catch {
      // It was done already.
    }
    await stack.stop();
  });
});
