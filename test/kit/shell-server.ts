/**
 * A small SSH server on given streams that runs commands on this machine: what a worker's SSH side is to a jump, without an
 * environment. It keeps nothing back and checks nothing: for tests.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createServer, type Server as TcpServer, connect as tcpConnect } from 'node:net';
import type { Duplex } from 'node:stream';
import ssh2, { type AuthContext, type Connection, type ServerChannel, type Session } from 'ssh2';

export interface ShellServerOptions {
  /** Default: everybody is let in by `none`, as on a stream with a ticket. */
  onSignIn?: (auth: AuthContext) => void;
}

export class ShellServer {
  readonly #server: ssh2.Server;
  readonly #children = new Set<ChildProcess>();
  readonly #listeners = new Set<TcpServer>();
  /** In OpenSSH's form. */
  readonly hostKey: string;
  /** What clients asked for, in order: `pty 80x24`, `env A=1`, `signal INT`, `agent`… */
  readonly requests: string[] = [];

  constructor(options: ShellServerOptions = {}) {
    const pair = ssh2.utils.generateKeyPairSync('ed25519');
    this.hostKey = pair.public;
    this.#server = new ssh2.Server({ hostKeys: [pair.private] }, (client) => {
      client.on('error', () => undefined);
      client.on('authentication', options.onSignIn ?? ((auth) => auth.accept()));
      client.on('ready', () => this.#serve(client));
    });
  }

  /** Commands that run now. */
  get running(): number {
    return this.#children.size;
  }

  serve(stream: Duplex): void {
    stream.on('error', () => undefined);
    this.#server.injectSocket(stream as never);
  }

  stop(): void {
    for (const child of this.#children) child.kill('SIGKILL');
    for (const listener of this.#listeners) listener.close();
  }

  #serve(client: Connection): void {
    client.on('session', (accept) => this.#session(accept()));
    client.on('tcpip', (accept, reject, info) => {
      const socket = tcpConnect(info.destPort, info.destIP);
      socket.once('error', () => reject());
      socket.once('connect', () => {
        const channel = accept();
        socket.on('error', () => channel.close());
        channel.pipe(socket).pipe(channel);
      });
    });
    client.on('request', (accept, reject, name, info) => {
      if (name !== 'tcpip-forward') return reject?.();
      const listener = createServer({ allowHalfOpen: true }, (socket) => {
        const { remoteAddress = '', remotePort = 0 } = socket;
        client.forwardOut(info.bindAddr, info.bindPort || port(), remoteAddress, remotePort, (err, channel) => {
          if (err) return socket.destroy();
          socket.on('error', () => channel.close());
          return socket.pipe(channel).pipe(socket);
        });
      });
      const port = () => (listener.address() as { port: number }).port;
      this.#listeners.add(listener);
      listener.listen(info.bindPort, '127.0.0.1', () => accept?.(port()));
    });
  }

  #session(session: Session): void {
    const env: Record<string, string> = {};
    let child: ChildProcess | undefined;
    session.on('pty', (accept, _reject, info) => {
      this.requests.push(`pty ${info.cols}x${info.rows}`);
      accept?.();
    });
    session.on('window-change', (accept, _reject, info) => {
      this.requests.push(`window ${info.cols}x${info.rows}`);
      accept?.();
    });
    session.on('env', (accept, _reject, { key, val }) => {
      env[key] = val;
      this.requests.push(`env ${key}=${val}`);
      accept?.();
    });
    session.on('auth-agent', (accept) => {
      this.requests.push('agent');
      accept?.();
    });
    session.on('signal', (accept, _reject, { name }) => {
      this.requests.push(`signal ${name}`);
      child?.kill(`SIG${name}` as NodeJS.Signals);
      accept?.();
    });
    const run = (channel: ServerChannel, argv: string[]) => {
      const [command = '', ...args] = argv;
      child = spawn(command, args, { env: { ...process.env, ...env } });
      this.#follow(channel, child);
    };
    session.on('exec', (accept, _reject, info) => run(accept(), ['/bin/sh', '-c', info.command]));
    session.on('shell', (accept) => run(accept(), ['/bin/sh']));
    session.on('subsystem', (accept, reject, info) => {
      if (info.name === 'sftp') run(accept(), ['/usr/lib/openssh/sftp-server']);
      else reject();
    });
  }

  #follow(channel: ServerChannel, child: ChildProcess): void {
    this.#children.add(child);
    channel.pipe(child.stdin!);
    child.stdin!.on('error', () => undefined);
    child.stdout!.pipe(channel, { end: false });
    child.stderr!.pipe(channel.stderr, { end: false });
    child.on('close', (code, signal) => {
      this.#children.delete(child);
      if (signal) channel.exit(signal.slice(3));
      else channel.exit(code ?? 255);
      channel.end();
    });
    channel.on('close', () => child.kill());
  }
}
