/** What ends takes with it what came in by it: SSH connections and streams through the relay, within two seconds. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../kit/describe-with.ts';
import { makeRepository } from '../kit/repository.ts';
import { type SshUser, sshStranger, sshUser } from '../kit/ssh.ts';
import { freePorts, type Stack, startStack } from '../kit/stack.ts';

const ECHO = `const s=require("net").createServer(c=>{c.on("error",()=>{});c.pipe(c)});s.listen(+process.argv[2],"127.0.0.1")`;
const root = new URL('../..', import.meta.url).pathname;

describeWith(['git', 'openssh client', 'built web'], 'a revocation', () => {
  let stack: Stack;
  let port: number;
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    stack = await startStack({ runtime: 'process' });
    [port] = (await freePorts(1)) as [number];
    const repository = makeRepository(join(stack.scratchDir, 'repository'), { 'echo.cjs': ECHO });
    const scripts = { start: { run: `nohup node echo.cjs ${port} >/dev/null 2>&1 &` } };
    const template = { name: 'echo', repository: { url: repository }, scripts };
    await stack.easelJson(['template', 'create', '--file', '-'], { input: JSON.stringify(template) });
    await stack.easelJson(['create', 'box', '--template', 'echo', '--wait']);
  });
  afterAll(async () => {
    for (const child of children) if (child.exitCode === null && child.pid) process.kill(-child.pid, 'SIGKILL');
    await stack?.stop();
  });

  /** A command over SSH that never ends by itself, once it runs. */
  async function shellOf(user: SshUser, environment = 'box'): Promise<ChildProcess> {
    const child = spawn(
      'ssh',
      ['-p', `${stack.sshPort}`, ...user.options, `${environment}@${stack.sshHost}`, 'echo in; exec cat'],
      { detached: true },
    );
    children.push(child);
    await once(child.stdout!, 'data');
    return child;
  }

  /** A connection through `easel forward`, once its bytes come back. */
  async function forwardWith(token: string): Promise<Socket> {
    const child = spawn('npx', ['--no-install', 'easel', 'forward', 'box', `0:${port}`, '--json'], {
      cwd: root,
      env: { ...process.env, EASEL_URL: stack.url, EASEL_TOKEN: token },
      detached: true,
    });
    children.push(child);
    const [line] = (await once(createInterface({ input: child.stdout! }), 'line')) as [string];
    const socket = connect({ host: '127.0.0.1', port: Number(/"(?:local|port|localPort)":(\d+)/.exec(line)?.[1]) });
    socket.on('error', () => undefined);
    socket.write('x');
    await once(socket, 'data');
    return socket;
  }

  async function endsWithinTwoSeconds(ended: Promise<unknown>, act: () => Promise<unknown>): Promise<void> {
    await act();
    const from = Date.now();
    await ended;
    expect(Date.now() - from).toBeLessThan(2_000);
  }

  it('of an SSH key ends the connections that came in with it, and no other', async () => {
    const first = await sshUser(stack, 'first');
    const second = await sshUser(stack, 'second');
    const [ends, stays] = await Promise.all([shellOf(first), shellOf(second)]);
    const keys = await stack.easelJson<{ id: string; name: string }[]>(['ssh-key', 'list']);
    const id = keys.find(({ name }) => name === 'first')?.id ?? '';
    await endsWithinTwoSeconds(once(ends, 'exit'), () => stack.easel(['ssh-key', 'remove', id]));
    expect(stays.exitCode).toBeNull();
    stays.stdin?.write('still\n');
    expect(String((await once(stays.stdout!, 'data'))[0])).toBe('still\n');
  });

  it('of an API token ends the streams that it opened, and no other', async () => {
    const { token, id } = await stack.easelJson<{ token: string; id: string }>(['token', 'create', 'short-lived']);
    const ends = await forwardWith(token);
    const stays = await forwardWith(stack.token);
    const closed = new Promise((resolve) => ends.once('close', resolve));
    await endsWithinTwoSeconds(closed, () => stack.easel(['token', 'revoke', id]));
    stays.write('y');
    expect(String((await once(stays, 'data'))[0])).toBe('y');
  });

  it('of a user ends all that the user has open', async () => {
    const made = `mutation { createServiceAccount(input: { login: "robot", name: "Robot", role: developer }) {
      ... on User { id } } }`;
    const { createServiceAccount: account } = await stack.api.query<{ createServiceAccount: { id: string } }>(made);
    const token = `mutation ($id: ID!) { createApiToken(input: { name: "a", owner: $id }) {
      ... on CreatedApiToken { token } } }`;
    const { createApiToken } = await stack.api.query<{ createApiToken: { token: string } }>(token, { id: account.id });
    const env = { EASEL_TOKEN: createApiToken.token };
    await stack.easelJson(['create', 'theirs', '--template', 'echo', '--wait'], { env });
    const user = sshStranger(stack, 'robot');
    await stack.easelJson(['ssh-key', 'add', `${user.keyFile}.pub`], { env });
    const shell = await shellOf(user, 'theirs');
    const disable = `mutation ($id: ID!) { setUserDisabled(id: $id, isDisabled: true) { __typename } }`;
    await endsWithinTwoSeconds(once(shell, 'exit'), () => stack.api.query(disable, { id: account.id }));
    expect((await user.run('theirs', 'true')).code).not.toBe(0);
    expect((await stack.easel(['list'], { env })).code).toBe(1);
  });
});
