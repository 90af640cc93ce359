/** The serving side of `../messages.ts`: one control connection, as long as the agent lives. */
import { createInterface } from 'node:readline';
import { CONTROL_STREAM, INSIDE_PROTOCOL } from '../constants.ts';
import type { AgentMessage, HelperMessage, InsideRequest } from '../messages.ts';
import { type Dial, dialer } from './dial.ts';
import { refusalOf } from './failure.ts';
import { Forwards } from './forward.ts';
import { whoAmI } from './identity.ts';
import { listeningPorts } from './ports.ts';
import { Processes } from './processes.ts';
import { serveSftp } from './sftp/server.ts';

/** Resolves when the control connection stands; the process then lives until that ends. */
export async function serve(socketPath: string): Promise<void> {
  const { secret, ownPortsOnly } = await readStart();
  const dial = dialer(socketPath, secret);
  const control = await dial({ stream: CONTROL_STREAM });
  const identity = whoAmI();
  process.chdir(identity.home);
  const send = (message: HelperMessage) => {
    control.write(`${JSON.stringify(message)}\n`);
  };
  const processes = new Processes({ dial, identity, onExit: (exited) => send({ type: 'exited', ...exited }) });
  const forwards = new Forwards(dial, identity);
  const hangUp = () => {
    processes.hangUp();
    forwards.close();
    process.exit(0);
  };
  control.once('close', hangUp);
  control.once('end', hangUp);
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, hangUp);

  const handlers: Handlers = {
    spawn: (request) => processes.spawn(request),
    connect: (request) => forwards.connect(request.target, request.stream),
    listen: (request) => forwards.listen(request.listener, request.target),
    sftp: (request) => openSftp(dial, request.stream),
    ports: () => listeningPorts({ ownOnly: ownPortsOnly }),
  };
  const answer = async <T extends InsideRequest['type']>(message: RequestOf<T> & { request: number }) => {
    try {
      const value = (await handlers[message.type as T](message)) ?? null;
      send({ type: 'done', request: message.request, value });
    } catch (err) {
      const { code, message: text } = refusalOf(err);
      send({ type: 'failed', request: message.request, code, message: text });
    }
  };
  const lines = createInterface({ input: control });
  // It passes the socket's errors on: an answer to an agent that has just gone is one.
  lines.on('error', hangUp);
  lines.on('line', (line) => {
    const message = JSON.parse(line) as AgentMessage;
    if (message.type === 'resize') processes.resize(message.process, message.columns, message.rows);
    else if (message.type === 'signal') processes.signal(message.process, message.name);
    else if (message.type === 'unlisten') forwards.unlisten(message.listener);
    else void answer(message);
  });
  send({ type: 'hello', protocol: INSIDE_PROTOCOL, identity });
}

type RequestOf<T extends InsideRequest['type']> = Extract<InsideRequest, { type: T }>;
type Handlers = { [T in InsideRequest['type']]: (request: RequestOf<T>) => unknown };

async function openSftp(dial: Dial, stream: string): Promise<void> {
  serveSftp(await dial({ stream }));
}

/** The first line of standard input. The secret is not an argument: those are for everybody's eyes. */
async function readStart(): Promise<{ secret: string; ownPortsOnly: boolean }> {
  for await (const line of createInterface({ input: process.stdin })) {
    process.stdin.destroy();
    return JSON.parse(line) as { secret: string; ownPortsOnly: boolean };
  }
  throw new Error('expected a secret on standard input, got nothing: the helper is started by the worker agent');
}
