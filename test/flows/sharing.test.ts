/**
 * What an owner shares, its guest can use with real tools; and when the share is over, all that came in by it is cut within two
 * seconds: SSH, copies that are under way, and ports that are forwarded.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../kit/describe-with.ts';
import { makeRepository } from '../kit/repository.ts';
import { type SshUser, sshStranger } from '../kit/ssh.ts';
import { eventually, freePorts, runProgram, type Stack, startStack } from '../kit/stack.ts';

const ECHO = `const s=require("net").createServer(c=>{c.on("error",()=>{});c.pipe(c)});s.listen(+process.argv[2],"127.0.0.1")`;
/** A minute of copying. */
const BIG_BYTES = 64 * 1024 * 1024;
const root = new URL('../..', import.meta.url).pathname;

describeWith(['git', 'openssh client', 'built web'], 'a shared environment', () => {
  let stack: Stack;
  let ports: [number, number];
  let boxId: string;
  let guest: { id: string; env: { EASEL_TOKEN: string }; ssh: SshUser };
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    stack = await startStack({ runtime: 'process' });
    ports = (await freePorts(2)) as [number, number];
    const repository = makeRepository(join(stack.scratchDir, 'repository'), { 'echo.cjs': ECHO });
    const run = ports.map((port) => `nohup node echo.cjs ${port} >/dev/null 2>&1 &`).join('\n');
    const env = { DATABASE_PASSWORD: 'hunter2' };
    const template = { name: 'echo', repository: { url: repository }, env, scripts: { start: { run } } };
    await stack.easelJson(['template', 'create', '--file', '-'], { input: JSON.stringify(template) });
    boxId = (await stack.easelJson(['create', 'box', '--template', 'echo', '--wait'])).id;
    guest = await newGuest('robot');
  });
  afterAll(async () => {
    const isRunning = ({ exitCode, signalCode }: ChildProcess) => exitCode === null && signalCode === null;
    for (const child of children) if (isRunning(child) && child.pid) process.kill(-child.pid, 'SIGKILL');
    await stack?.stop();
  });

  async function newGuest(login: string) {
    const { account } = await stack.api.query<{ account: { id: string } }>(
      `mutation ($login: String!) { account: createServiceAccount(input: { login: $login, name: "Robot" }) { ... on User { id } } }`,
      { login },
    );
    const { made } = await stack.api.query<{ made: { token: string } }>(
      `mutation ($id: ID!) { made: createApiToken(input: { name: "a", owner: $id }) { ... on CreatedApiToken { token } } }`,
      { id: account.id },
    );
    const env = { EASEL_TOKEN: made.token };
    const ssh = sshStranger(stack, login);
    await stack.easelJson(['ssh-key', 'add', `${ssh.keyFile}.pub`], { env });
    return { id: account.id, env, ssh };
  }

  async function share(access: string, more: Record<string, unknown> = {}): Promise<string> {
    const { share } = await stack.api.query<{ share: { id: string; message?: string } }>(
      `mutation ($input: ShareEnvironmentInput!) {
        share: shareEnvironment(input: $input) { ... on Share { id } ... on Refusal { message } } }`,
      { input: { environment: 'box', user: 'robot', access, ...more } },
    );
    return share.id;
  }
  const revoke = (id: string) => stack.api.query('mutation ($id: ID!) { revokeShare(id: $id) { __typename } }', { id });

  function start(command: string, args: readonly string[], env: Record<string, string> = {}): ChildProcess {
    const child = spawn(command, args, { cwd: root, env: { ...process.env, ...env }, detached: true });
    children.push(child);
    return child;
  }

  /** A command over SSH that never ends by itself, once it runs. */
  async function shell(options: readonly string[] = []): Promise<ChildProcess> {
    const { ssh } = guest;
    const address = [...ssh.options, ...options, `${boxId}@${stack.sshHost}`, 'echo in; exec cat'];
    const child = start('ssh', ['-p', `${stack.sshPort}`, ...address]);
    await once(child.stdout!, 'data');
    return child;
  }

  /** A connection through `easel forward`, once its bytes come back. */
  async function forward(port: number): Promise<Socket> {
    const env = { EASEL_URL: stack.url, ...guest.env };
    const child = start('npx', ['--no-install', 'easel', 'forward', boxId, `0:${port}`, '--json'], env);
    const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string];
    const socket = connect({ host: '127.0.0.1', port: Number(/"(?:local|port|localPort)":(\d+)/.exec(line)?.[1]) });
    socket.on('error', () => undefined);
    socket.write('x');
    await once(socket, 'data');
    return socket;
  }

  /** How long it took to be over, from the moment when the act was done. */
  async function msUntil(ended: Promise<unknown>, act: () => Promise<unknown>): Promise<number> {
    let isOver = false;
    const over = ended.then(() => {
      isOver = true;
    });
    await act();
    const from = Date.now();
    if (!isOver) await over;
    return Date.now() - from;
  }
  const isClosed = (socket: Socket) => new Promise((resolve) => socket.once('close', resolve));

  it('is entered by its guest with ssh and scp, by id and by name, without the template’s variables', async () => {
    const { ssh } = guest;
    expect((await ssh.run(boxId, 'true')).code).not.toBe(0);
    await share('ssh');
    for (const name of [boxId, 'box']) {
      expect(await ssh.run(name, 'echo "$EASEL_ENVIRONMENT [$DATABASE_PASSWORD]"')).toMatchObject({
        code: 0,
        stdout: 'box []\n',
      });
    }
    const file = join(stack.scratchDir, 'small');
    writeFileSync(file, 'hello');
    const copied = ['-P', `${stack.sshPort}`, ...ssh.options, file, `${boxId}@${stack.sshHost}:small`];
    expect((await runProgram('scp', copied)).code).toBe(0);
    expect((await ssh.run(boxId, 'cat small; rm small')).stdout).toBe('hello');
    const jump = ['ssh', '-p', stack.sshPort, ...ssh.options, '-W', '%h:%p', `robot@${stack.sshHost}`].join(' ');
    const through = ['-o', `ProxyCommand=${jump}`, ...ssh.options, `x@${boxId}`, 'echo end to end'];
    expect((await runProgram('ssh', through)).stdout).toBe('end to end\n');
  });

  it('shows its owner who is in, and by which way', async () => {
    await share('ssh');
    const inside = await shell();
    const visitors = await eventually(async () => {
      const { environment } = await stack.api.query<{
        environment: { visitors: { way: string; user: { login: string } }[] };
      }>('query ($id: ID!) { environment(id: $id) { visitors { way since user { login } } } }', { id: boxId });
      return environment.visitors.length > 0 && environment.visitors;
    });
    expect(visitors).toMatchObject([{ way: 'ssh', user: { login: 'robot' } }]);
    inside.kill('SIGKILL');
  });

  it('is left within two seconds when the share is revoked: ssh, a copy under way, and a forwarded port', async () => {
    const id = await share('ssh');
    const big = join(stack.scratchDir, 'big');
    writeFileSync(big, Buffer.alloc(BIG_BYTES));
    const [shellOpen, socket] = [await shell(), await forward(ports[0])];
    const copy = start('scp', [
      // A megabyte a second: with less scp sleeps for seconds between two looks at its connection.
      ...['-l', '8000', '-P', `${stack.sshPort}`, ...guest.ssh.options],
      ...[big, `${boxId}@${stack.sshHost}:big`],
    ]);
    await eventually(async () => (await guest.ssh.run(boxId, 'test -s big')).code === 0, 30_000, 'a part of the copy');
    const ended = { ssh: once(shellOpen, 'exit'), scp: once(copy, 'exit'), port: isClosed(socket) };
    await revoke(id);
    const revokedMs = Date.now();
    const times = Object.entries(ended).map(async ([name, over]) => {
      await over;
      return [name, Date.now() - revokedMs] as const;
    });
    for (const [name, ms] of await Promise.all(times)) expect(ms, name).toBeLessThan(2_000);
    expect(copy.exitCode).not.toBe(0);
    expect((await guest.ssh.run(boxId, 'true')).code).not.toBe(0);
  });

  it('is left at the moment when the share expires', async () => {
    const id = await share('ssh', { expiresAt: new Date(Date.now() + 61_500).toISOString() });
    const shellOpen = await shell();
    const { environment } = await stack.api.query<{ environment: { shares: { id: string; expiresAt: string }[] } }>(
      'query ($id: ID!) { environment(id: $id) { shares { id expiresAt } } }',
      { id: boxId },
    );
    const expiresMs = Date.parse(environment.shares.find((one) => one.id === id)?.expiresAt ?? '');
    await once(shellOpen, 'exit');
    const lateMs = Date.now() - expiresMs;
    expect(lateMs).toBeGreaterThan(-100);
    expect(lateMs).toBeLessThan(2_000);
  }, 120_000);

  it('is open at the shared ports alone', async () => {
    await share('ports', { ports: [ports[0]] });
    const asked = await fetch(`${stack.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${guest.env.EASEL_TOKEN}` },
      body: JSON.stringify({
        query: `mutation { createTicket(input: { environment: "${boxId}", port: ${ports[1]} }) { ... on Refusal { message } } }`,
      }),
    });
    expect(await asked.text()).toContain('not shared with you');
    const socket = await forward(ports[0]);
    expect((await guest.ssh.run(boxId, 'true')).code).not.toBe(0);
    socket.destroy();
  });

  it('is left when the guest is disabled', async () => {
    await share('ssh');
    const shellOpen = await shell();
    const disable = 'mutation ($id: ID!) { setUserDisabled(id: $id, isDisabled: true) { __typename } }';
    const ms = await msUntil(once(shellOpen, 'exit'), () => stack.api.query(disable, { id: guest.id }));
    expect(ms).toBeLessThan(2_000);
  });
});
