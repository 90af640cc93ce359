/**
 * A session channel: shell, command or subsystem, each a process inside. Output goes to the client to its last byte, then
 * the channel is closed; as with OpenSSH, a child that keeps the output open keeps the channel open. A client that goes
 * away hangs up on a terminal; without one the process finds its streams closed.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { PseudoTtyInfo, ServerChannel, Session, SessionAccept } from 'ssh2';
import type { InsideProcess } from '../inside/client.ts';
import type { ChannelPort } from './channel-port.ts';
import type { ConnectionContext } from './context.ts';
import { sessionVariables } from './variables.ts';

/** Variables that a client may set, and how long they may be together. */
const maxVariables = 200;
const maxVariableBytes = 128 * 1024;
const validName = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** What a shell says of a program that it cannot start. */
const cannotStartCode = 127;
/** Most processes end right after their output does. PuTTY takes no status that comes after the end of the output. */
const statusGraceMs = 200;

export function serveSession(context: ConnectionContext, session: Session): void {
  const variables: Record<string, string> = {};
  let variableBytes = 0;
  let terminal: PseudoTtyInfo | undefined;
  let running: InsideProcess | undefined;
  let agent: Promise<string | null> = Promise.resolve(null);

  session.on('pty', (accept, _reject, info) => {
    terminal = info;
    answer(accept);
  });
  session.on('window-change', (accept, _reject, { cols, rows }) => {
    if (terminal) Object.assign(terminal, { cols, rows });
    running?.resize(cols, rows);
    answer(accept);
  });
  session.on('env', (accept, reject, { key, val }) => {
    variableBytes += key.length + val.length;
    const isFine = validName.test(key) && !val.includes('\0') && variableBytes <= maxVariableBytes;
    if (!isFine || Object.keys(variables).length >= maxVariables) return answer(reject);
    variables[key] = val;
    answer(accept);
  });
  session.on('signal', (accept, _reject, { name }) => {
    running?.signal(name);
    answer(accept);
  });
  session.on('auth-agent', (accept, reject) => {
    agent = context.agentSocket();
    void agent.then((path) => answer(path === null ? reject : accept));
  });
  session.on('shell', (accept) => {
    const { shell, home, project } = context.setting;
    void run(accept(), [shell, '-l'], terminal ? project : home);
  });
  session.on('exec', (accept, _reject, { command }) => {
    void run(accept(), [context.setting.shell, '-c', command], context.setting.home);
  });
  session.on('subsystem', (accept, reject, { name }) => {
    if (name === 'sftp') void serveSftp(accept());
    else answer(reject);
  });

  async function run(channel: ServerChannel, argv: string[], cwd: string): Promise<void> {
    const port = context.port(channel);
    if (!port) return;
    context.mark('ssh');
    try {
      const socket = await agent;
      const { env, defaults } = sessionVariables(context.setting, {
        user: context.inside.identity.user,
        client: { ...variables, ...(socket === null ? {} : { SSH_AUTH_SOCK: socket }) },
      });
      const size = terminal && sizeOf(terminal);
      running = await context.inside.spawn({
        argv,
        cwd,
        env,
        defaults,
        ...(terminal ? { pty: { ...sizeOf(terminal), term: termOf(terminal), modes: modesOf(terminal) } } : {}),
      });
      if (terminal && size && size.columns !== terminal.cols) running.resize(terminal.cols, terminal.rows);
      await attend(port, running);
    } catch (err) {
      context.log.warn({ err }, 'session not started');
      await port.send(Buffer.from(`easel: cannot start: ${(err as Error).message}\r\n`), 'stderr');
      port.exit({ code: cannotStartCode, signal: null });
      port.close();
    }
  }

  async function attend(port: ChannelPort, process: InsideProcess): Promise<void> {
    const mark = () => context.mark('ssh');
    port.pumpTo(process.stdin, mark);
    void port.closed.then(() => process.stdin.destroy());
    const output = Promise.all([
      port.pumpFrom(process.stdout),
      process.stderr ? port.pumpFrom(process.stderr, 'stderr') : undefined,
    ]);
    const exited = process.exit.then((exit) => port.exit(exit));
    void output.then(async () => {
      await Promise.race([exited, pause(statusGraceMs)]);
      port.end();
    });
    // The status goes out at once: a client may want it before a grandchild lets go of the output.
    await exited;
    await output;
    port.close();
  }

  async function serveSftp(channel: ServerChannel): Promise<void> {
    const port = context.port(channel);
    if (!port) return;
    try {
      const stream = await context.inside.sftp();
      port.pumpTo(stream, () => context.mark('ssh'));
      await port.pumpFrom(stream);
      // scp takes a session without a status for a failed one.
      port.exit({ code: stream.readableEnded ? 0 : 1, signal: null });
      port.close();
    } catch (err) {
      context.log.warn({ err }, 'sftp not started');
      port.close();
    }
  }
}

/** A request that wants no reply has nothing to answer with. */
function answer(reply: SessionAccept | undefined): void {
  (reply as (() => void) | undefined)?.();
}

function sizeOf({ cols, rows }: PseudoTtyInfo): { columns: number; rows: number } {
  return { columns: cols, rows };
}

function termOf(info: PseudoTtyInfo): string {
  const { term } = info as PseudoTtyInfo & { term?: string };
  return term && /^[\x21-\x7e]{1,100}$/.test(term) ? term : 'xterm-256color';
}

function modesOf({ modes }: PseudoTtyInfo): Record<string, number> {
  return Object.fromEntries(Object.entries(modes ?? {}).filter(([, value]) => typeof value === 'number'));
}
