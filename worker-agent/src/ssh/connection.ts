/**
 * One SSH connection on one stream. Before somebody has signed in it may cost little: time, bytes and packets are bounded.
 * After that the line is watched: when the client does not read, nothing more is read of it either.
 */
import type { Duplex } from 'node:stream';
import { readSignInRequest } from '@easel/kit/ssh/sign-in-request';
import { WireError } from '@easel/kit/ssh/wire';
import ssh2, { type AuthContext, type Connection, type ServerChannel } from 'ssh2';
import { algorithms } from './algorithms.ts';
import type { AuthorizedKeys, Judgement, SignedIn, Visitor } from './authorized-keys.ts';
import { ChannelPort, type Line } from './channel-port.ts';
import type { ConnectionContext } from './context.ts';
import { serveAgent, serveForwards } from './forwards.ts';
import { serveSession } from './session.ts';
import type { SshSideOptions } from './side.ts';
import { heedGuess, isAcceptable, onPacket, onSignInRequest } from './ssh2-internals.ts';

/** A person may have to touch a security key, or type a passphrase. */
const signInLimitMs = 120_000;
/** A key exchange and thirty keys of an agent take less than a tenth of these. */
const bytesBeforeSignIn = 256 * 1024;
const packetsBeforeSignIn = 100;
/** Keys that are refused before the line is cut. */
const maxRefusals = 20;
const maxChannels = 256;
/** Bytes for a client that does not read: above this nothing more is read of it. */
const maxBacklogBytes = 4 * 1024 * 1024;
/** Unread bytes of all channels: a client that keeps to its windows of 2 MiB needs many busy channels for this. */
const maxUnreadBytes = 128 * 1024 * 1024;
const keepaliveMs = 30_000;
const keepaliveMisses = 4;
/** From our goodbye to the cut. */
const goodbyeMs = 1_000;

/** How the other side proves itself: it has, by its ticket; or it must, by a key or a certificate. */
export type SignIn = 'ticket' | 'publickey';

/** Who comes, as the ticket says. */
export interface Comer extends Visitor {
  signIn: SignIn;
  /** Somebody with whom the environment is shared. */
  isGuest: boolean;
}

export interface SshConnection {
  /** Null for a ticket, or before. */
  readonly signedIn: SignedIn | null;
  readonly closed: Promise<void>;
  /** Says goodbye, then cuts. */
  close(): void;
}

export function serveConnection(
  options: SshSideOptions & { keys: AuthorizedKeys },
  { stream, comer }: { stream: Duplex; comer: Comer },
): SshConnection {
  const { signIn } = comer;
  const closed = new Promise<void>((resolve) => stream.once('close', resolve));
  const line = lineOf(stream, closed);
  const channels = new Set<ServerChannel>();
  let signedIn: SignedIn | null = null;
  let client: Connection | undefined;
  let isSignedIn = false;

  const cut = (reason: string) => {
    options.log.info({ reason }, 'ssh connection cut');
    stream.destroy();
  };
  const late = setTimeout(() => cut('nobody signed in in time'), signInLimitMs);
  void closed.then(() => clearTimeout(late));

  const server = new ssh2.Server(
    {
      hostKeys: [options.hostKey],
      algorithms,
      ident: 'Easel',
      keepaliveInterval: keepaliveMs,
      keepaliveCountMax: keepaliveMisses,
    } as ssh2.ServerConfig,
    (connected) => {
      client = connected;
      let packets = 0;
      let refusals = 0;
      let judgement: Judgement = 'refuse';
      heedGuess(connected);
      // Each request is answered at once, so what was judged last is what the library tells of next.
      onSignInRequest(connected, (payload, sessionId) => {
        judgement = signIn === 'ticket' ? 'refuse' : judgeRequest(options.keys, payload, { visitor: comer, sessionId });
      });
      onPacket(connected, () => {
        if (!isSignedIn && ++packets > packetsBeforeSignIn) cut('too many packets before signing in');
      });
      connected.on('error', (err) => options.log.debug({ err }, 'ssh connection failed'));
      connected.on('authentication', (auth) => {
        if (signIn === 'ticket') return auth.method === 'none' ? auth.accept() : refuse(auth);
        const isProof = auth.method === 'publickey' && auth.signature !== undefined;
        // The library lets in whoever is accepted with a signature: never on the word of a query.
        if (judgement === 'refuse' || isProof !== (judgement !== 'ask')) return refuse(auth);
        if (judgement !== 'ask') signedIn = judgement;
        auth.accept();
      });
      const refuse = (auth: AuthContext) => {
        if (++refusals > maxRefusals) return cut('too many refusals');
        auth.reject(signIn === 'ticket' ? (['none'] as never) : ['publickey']);
      };
      connected.once('ready', () => {
        isSignedIn = true;
        clearTimeout(late);
        serveChannels(contextOf(connected));
      });
    },
  );
  server.on('error', (err: Error) => options.log.debug({ err }, 'ssh connection failed'));
  stream.on('error', () => stream.destroy());
  // The library leaves its own half open: the sessions of a client that is gone would go on.
  stream.once('end', () => farewell());
  server.injectSocket(stream as never);
  watch(stream, {
    isSignedIn: () => isSignedIn,
    unreadBytes: () => [...channels].reduce((sum, channel) => sum + channel.readableLength, 0),
    cut,
  });

  function farewell(): void {
    stream.end();
    const timer = setTimeout(() => stream.destroy(), goodbyeMs);
    void closed.then(() => clearTimeout(timer));
  }

  function contextOf(connected: Connection): ConnectionContext {
    let agent: Promise<string | null> | undefined;
    const context: ConnectionContext = {
      client: connected,
      inside: options.inside,
      setting: comer.isGuest ? { ...options.setting, env: options.setting.guestEnv } : options.setting,
      log: options.log,
      mark: (source) => options.activity.mark(source),
      get hasRoom() {
        return channels.size < maxChannels;
      },
      port(channel) {
        if (!context.hasRoom || !isAcceptable(channel)) {
          channel.close();
          return null;
        }
        channels.add(channel);
        const port = new ChannelPort(connected, channel, line);
        void port.closed.then(() => channels.delete(channel));
        return port;
      },
      agentSocket() {
        agent ??= serveAgent(context).catch((err: unknown) => {
          options.log.info({ err }, 'agent forwarding refused');
          return null;
        });
        return agent;
      },
      onClosed: (then) => void closed.then(then),
    };
    return context;
  }

  return {
    get signedIn() {
      return signedIn;
    },
    closed,
    close() {
      client?.end();
      farewell();
    },
  };
}

function judgeRequest(keys: AuthorizedKeys, payload: Buffer, by: { sessionId: Buffer; visitor: Visitor }): Judgement {
  try {
    const { offer } = readSignInRequest(payload);
    return offer ? keys.judge(offer, by) : 'refuse';
  } catch (err) {
    if (err instanceof WireError) return 'refuse';
    throw err;
  }
}

function serveChannels(context: ConnectionContext): void {
  context.client.on('session', (accept, reject) => {
    if (context.hasRoom) serveSession(context, accept());
    else reject();
  });
  serveForwards(context);
}

function lineOf(stream: Duplex, closed: Promise<void>): Line {
  let waiting: Promise<void> | null = null;
  return {
    closed,
    room() {
      if (!stream.writableNeedDrain) return null;
      waiting ??= Promise.race([new Promise<void>((resolve) => stream.once('drain', resolve)), closed]).finally(() => {
        waiting = null;
      });
      return waiting;
    },
  };
}

/** Counts what comes in, and looks at what waits. The library has taken hold of the stream before. */
function watch(
  stream: Duplex,
  watched: { isSignedIn: () => boolean; unreadBytes: () => number; cut: (reason: string) => void },
): void {
  let bytes = 0;
  let lookedAt = 0;
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (!watched.isSignedIn() && bytes > bytesBeforeSignIn) return watched.cut('too many bytes before signing in');
    if (bytes - lookedAt > 1024 * 1024) {
      lookedAt = bytes;
      if (watched.unreadBytes() > maxUnreadBytes) return watched.cut('the client does not keep to its windows');
    }
    if (stream.writableLength > maxBacklogBytes && !stream.isPaused()) {
      stream.pause();
      stream.once('drain', () => stream.resume());
    }
  });
}
