/**
 * The parts of ssh2 1.17 that are needed and not public, each with what it works around; the version is pinned for this.
 * Source: its lib/server.js, lib/Channel.js and lib/protocol/Protocol.js.
 */
import { createRequire } from 'node:module';
import type { Connection, ServerChannel } from 'ssh2';

interface Protocol {
  _onPacket: () => void;
  _decipher: { _onPayload: (payload: Buffer) => unknown };
  _offer: { lists: Record<'kex' | 'serverHostKey', { array: string[] }> };
  _skipNextInboundPacket: boolean;
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

const keyExchangeInit = 20;
const cookieBytes = 16;

/**
 * A client may send its first packet of the key exchange on a guess, as Dropbear's does. The library drops that packet even
 * when the guess is right, and both sides wait for ever. Call it before the client's first packet is read.
 * Source: RFC 4253 §7.
 */
export function takeRightGuess(client: Connection): void {
  const { _protocol } = client as unknown as ClientInternals;
  const decipher = _protocol._decipher;
  const original = decipher._onPayload;
  decipher._onPayload = (payload) => {
    const theirs = payload[0] === keyExchangeInit ? firstChoices(payload) : null;
    const result = original(payload);
    if (theirs) {
      const { kex, serverHostKey } = _protocol._offer.lists;
      const isRight = theirs.kex === kex.array[0] && theirs.hostKey === serverHostKey.array[0];
      if (isRight) _protocol._skipNextInboundPacket = false;
    }
    return result;
  };
}

function firstChoices(payload: Buffer): { kex: string; hostKey: string } | null {
  const kexAt = 1 + cookieBytes;
  if (payload.length < kexAt + 4) return null;
  const hostKeyAt = kexAt + 4 + payload.readUInt32BE(kexAt);
  if (payload.length < hostKeyAt + 4) return null;
  const first = (at: number) => payload.toString('latin1', at + 4, at + 4 + payload.readUInt32BE(at)).split(',')[0]!;
  return { kex: first(kexAt), hostKey: first(hostKeyAt) };
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
