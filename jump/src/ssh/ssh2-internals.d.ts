/**
 * The transport layer of ssh2 1.17, which the package does not export by name; its version is pinned for this. Only what
 * `transport.ts` uses is written down here. Source: its lib/protocol/{Protocol,kex,utils}.js.
 */
declare module 'ssh2/lib/protocol/Protocol.js' {
  import type { KexInit } from 'ssh2/lib/protocol/kex.js';

  export interface HostKey {
    readonly type: string;
    getPublicSSH(): Buffer;
    /** An error is returned, not thrown. */
    sign(data: Buffer, algorithm?: string): Buffer | Error;
  }

  interface PacketWriter {
    allocStart: number;
    alloc(payloadBytes: number): Buffer;
    finalize(packet: Buffer): Buffer;
  }

  interface Negotiated {
    readonly cs: { readonly cipher: string };
    readonly sc: { readonly cipher: string };
  }

  class Protocol {
    constructor(config: {
      server: boolean;
      ident: string;
      offer: KexInit;
      /** By the name of the signature algorithm. */
      hostKeys?: Readonly<Record<string, HostKey>>;
      hostVerifier?: (blob: Buffer, verify: (isGood: boolean) => void) => void;
      /** The other side has identified itself; its first packet is yet to come. */
      onHeader(): void;
      onWrite(bytes: Uint8Array): void;
      onError(err: Error): void;
      onHandshakeComplete(): void;
      messageHandlers: {
        DISCONNECT(protocol: Protocol, reason: number, text: string): void;
        SERVICE_REQUEST(protocol: Protocol, name: string): void;
        SERVICE_ACCEPT(protocol: Protocol, name: string): void;
      };
    });
    start(): void;
    parse(chunk: Buffer, from: number, to: number): void;
    rekey(): void;
    service(name: string): void;
    serviceAccept(name: string): void;
    cleanup(): void;
    /** Undefined once the instance is unusable. */
    _destruct: (() => void) | undefined;
    _onPayload: (payload: Buffer) => unknown;
    _onHandshakeComplete: (...args: [Negotiated, ...unknown[]]) => void;
    _cipher: { encrypt(packet: Buffer): void };
    _decipher: {
      _onPayload: (payload: Buffer) => unknown;
      /** A packet that is not whole. */
      _packet: Uint8Array | null;
    };
    /** A line of identification that is not whole. */
    _buffer: Uint8Array | undefined;
    _offer: { lists: Record<'kex' | 'serverHostKey', { array: string[] }> };
    _skipNextInboundPacket: boolean;
    _kex: { sessionID: Buffer; remoteExtInfoEnabled: boolean };
    _kexinit: Buffer | undefined;
    _packetRW: { write: PacketWriter };
  }
  export default Protocol;
}

declare module 'ssh2/lib/protocol/kex.js' {
  interface Direction {
    cipher: readonly string[];
    mac: readonly string[];
    compress: readonly string[];
    lang: readonly string[];
  }
  export interface KexInit {
    readonly lists: unknown;
  }
  const kex: {
    /** The lists of a KEXINIT, encoded once for all connections. */
    KexInit: new (lists: {
      kex: readonly string[];
      serverHostKey: readonly string[];
      cs: Direction;
      sc: Direction;
    }) => KexInit;
  };
  export default kex;
}

declare module 'ssh2/lib/protocol/utils.js' {
  import type Protocol from 'ssh2/lib/protocol/Protocol.js';

  const utils: {
    /** Queues during a key exchange. */
    sendPacket(protocol: Protocol, packet: Buffer): boolean;
  };
  export default utils;
}

declare module 'ssh2/lib/protocol/crypto.js' {
  const crypto: {
    /** Whether the native ciphers could be loaded. */
    bindingAvailable: boolean;
  };
  export default crypto;
}
