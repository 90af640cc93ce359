/** Flow (b): a TCP port of the environment, through the relay. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { dialStream } from '@easel/kit/stream-dial';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../kit/describe-with.ts';
import { makeRepository } from '../kit/repository.ts';
import { eventually, freePorts, type Stack, startStack } from '../kit/stack.ts';

const TICKET = `mutation ($input: CreateTicketInput!) { createTicket(input: $input) {
  __typename ... on Ticket { relayUrl token } ... on Refusal { code message } } }`;

/** Answers every connection with what it sends, and ends its side when the other has ended. */
const ECHO = `const s=require("net").createServer({allowHalfOpen:true},c=>{c.on("error",()=>{});c.pipe(c)});s.listen(+process.argv[2],"127.0.0.1")`;

describeWith(['git', 'built web'], 'a port through the relay', () => {
  let stack: Stack;
  let port: number;
  let forward: ChildProcess;
  let local: number;

  beforeAll(async () => {
    stack = await startStack({ runtime: 'process' });
    [port] = (await freePorts(1)) as [number];
    const repository = makeRepository(join(stack.scratchDir, 'repository'), { 'echo.cjs': ECHO });
    const template = {
      name: 'echo',
      repository: { url: repository },
      scripts: { start: { run: `nohup node echo.cjs ${port} >/dev/null 2>&1 &` } },
    };
    await stack.easelJson(['template', 'create', '--file', '-'], { input: JSON.stringify(template) });
    await stack.easelJson(['create', 'box', '--template', 'echo', '--wait']);
    forward = spawn('npx', ['--no-install', 'easel', 'forward', 'box', `0:${port}`, '--json'], {
      cwd: new URL('../..', import.meta.url).pathname,
      env: { ...process.env, EASEL_URL: stack.url, EASEL_TOKEN: stack.token },
      detached: true,
    });
    const line = await new Promise<string>((resolve) =>
      createInterface({ input: forward.stdout! }).once('line', resolve),
    );
    local = Number(/"(?:local|port|localPort)":(\d+)/.exec(line)?.[1]);
    expect(local, line).toBeGreaterThan(0);
  });
  afterAll(async () => {
    if (forward?.pid) process.kill(-forward.pid, 'SIGTERM');
    await stack?.stop();
  });

  it('is byte-exact both ways and carries a half-close', async () => {
    const sent = randomBytes(5_000_000);
    expect(hash(await echo(sent))).toBe(hash(sent));
  });

  it('carries many streams at once', async () => {
    const sent = Array.from({ length: 50 }, () => randomBytes(100_000));
    const echoed = await Promise.all(sent.map(echo));
    expect(echoed.map(hash)).toEqual(sent.map(hash));
  });

  it('goes on after the relay was restarted', async () => {
    const [relay] = stack.processesOf('relay/src/main.ts');
    process.kill(relay!.identity.pid, 'SIGKILL');
    const sent = randomBytes(1000);
    await eventually(async () => hash(await echo(sent)) === hash(sent), 40_000, 'an echo after the restart');
  });

  it('refuses a ticket of nobody and a port where nobody listens', async () => {
    const forged = dialStream({ url: stack.relayUrl, token: 'eyJhbGciOiJub25lIn0.e30.' });
    await expect(forged).rejects.toMatchObject({ code: 'TICKET_INVALID' });
    const [closed] = await freePorts(1);
    const { createTicket } = await stack.api.query<{ createTicket: { relayUrl: string; token: string } }>(TICKET, {
      input: { environment: (await stack.easelJson(['show', 'box'])).id, port: closed },
    });
    const dialled = dialStream({ url: createTicket.relayUrl, token: createTicket.token });
    await expect(dialled).rejects.toMatchObject({ code: 'PORT_CLOSED' });
  });

  function echo(bytes: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const parts: Buffer[] = [];
      const socket = connect({ port: local, host: '127.0.0.1', allowHalfOpen: true }, () => socket.end(bytes));
      socket.on('data', (data) => parts.push(data));
      socket.on('error', reject);
      socket.on('end', () => resolve(Buffer.concat(parts)));
    });
  }
});

function hash(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
