/**
 * The parts of ssh2 1.17 that are needed and not public, each with what it works around; the version is pinned for this.
 * Source: its lib/server.js, lib/Channel.js and lib/protocol/Protocol.js.
 */
import { createRequire } from 'node:module';
import { MESSAGE } from '@easel/kit/ssh/wire';
import { type GuessedAt, takeRightGuess } from '@easel/kit/ssh-guess';
import type { Connection, ServerChannel } from 'ssh2';

interface Protocol extends GuessedAt {
  _onPacket: () => void;
  _onPayload: (payload: Buffer) => unknown;
  _kex: { sessionID: Buffer };
  exitStatus(channel: number, status: number): void;
  exitSignal(channel: number, name: string, coreDumped: boolean, message: string): void;
  openssh_authAgent(channel: number, window: number, packetSize: number): void;
}
interface ClientInternals {
  _protocol: Protocol;
  _chanMgr: { add(opened: OpenedChannel): number };
}
type OpenedChannel = ((err: Error | undefined, channel: ServerChannel) => void) & { type?: string };
interface ChannelInternals {
  outgoing: { id: number; state: string; packetSize: number };
  incoming: { state: string };
  eof(): void;
  _chunk: unknown;
  _chunkcb: unknown;
  _chunkErr: unknown;
  _chunkcbErr: unknown;
}

/** Whether the library's ciphers have their native part: chacha20-poly1305 takes twice as long without. */
export const hasNativeCiphers = (
  createRequire(import.meta.url)('ssh2/lib/protocol/crypto.js') as { bindingAvailable: boolean }
).bindingAvailable;

const windowBytes = 2 * 1024 * 1024;
const packetBytes = 32 * 1024;
/** A client that takes smaller packets would make the library send headers for ever. */
const minPacketBytes = 256;

/** Calls back with every packet, of whatever kind: the library counts none before somebody has signed in. */
export function onPacket(client: Connection, then: () => void): void {
  const { _protocol } = client as unknown as ClientInternals;
  const original = _protocol._onPacket;
  _protocol._onPacket = () => {
    original();
    then();
  };
}

/**
 * Calls back with every request to sign in as it came, before the library reads it: it knows neither security keys nor
 * certificates, and forgets which hash an RSA signature names. Call it before the client's first packet is read.
 */
export function onSignInRequest(client: Connection, then: (payload: Buffer, sessionId: Buffer) => void): void {
  const { _protocol } = client as unknown as ClientInternals;
  const original = _protocol._onPayload;
  _protocol._onPayload = (payload) => {
    if (payload[0] === MESSAGE.userAuthRequest) then(Buffer.from(payload), _protocol._kex.sessionID);
    return original(payload);
  };
}

/** Call it before the client's first packet is read. */
export function heedGuess(client: Connection): void {
  takeRightGuess((client as unknown as ClientInternals)._protocol);
}

/** `exit` of a channel says nothing once its end is sent; a process may close its output long before it ends. */
export function sendExit(
  client: Connection,
  channel: ServerChannel,
  exit: { code: number } | { signal: string },
): void {
  const { outgoing } = channel as unknown as ChannelInternals;
  if (outgoing.state !== 'open' && outgoing.state !== 'eof') return;
  const { _protocol } = client as unknown as ClientInternals;
  if ('code' in exit) _protocol.exitStatus(outgoing.id, exit.code);
  else _protocol.exitSignal(outgoing.id, exit.signal, false, '');
}

/** Half-close. `end` of a server's channel closes it whole, and cuts what the client still sends. */
export function sendEof(channel: ServerChannel): void {
  (channel as unknown as ChannelInternals).eof();
}

export function isAcceptable(channel: ServerChannel): boolean {
  return (channel as unknown as ChannelInternals).outgoing.packetSize >= minPacketBytes;
}

/** After a write that had to wait for the window: what it kept would be sent again when another one waits. */
export function forgetPending(channel: ServerChannel): void {
  const internals = channel as unknown as ChannelInternals;
  internals._chunk = undefined;
  internals._chunkcb = undefined;
  internals._chunkErr = undefined;
  internals._chunkcbErr = undefined;
}

/** Calls back when the client closes the channel, also when bytes of it are still unread: the event waits for those. */
export function onPeerClose(channel: ServerChannel, then: () => void): void {
  const original = channel.close;
  channel.close = (...args: Parameters<typeof original>) => {
    if ((channel as unknown as ChannelInternals).incoming.state === 'closed') then();
    return original.apply(channel, args);
  };
  channel.once('close', then);
}

/** Opens a channel to the client's agent: the library opens every other kind. */
export function openAgentChannel(client: Connection): Promise<ServerChannel> {
  const { _protocol, _chanMgr } = client as unknown as ClientInternals;
  return new Promise((resolve, reject) => {
    const opened: OpenedChannel = (err, channel) => (err ? reject(err) : resolve(channel));
    opened.type = 'auth-agent@openssh.com';
    const number = _chanMgr.add(opened);
    _protocol.openssh_authAgent(number, windowBytes, packetBytes);
  });
}
