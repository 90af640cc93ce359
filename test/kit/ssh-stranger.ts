/** An SSH client that says exactly what a test wants it to say, once keys are exchanged. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { SocketLine } from '@easel/kit/line';
import { workerFacingOffer } from '../../jump/src/ssh/algorithms.ts';
import { Transport } from '../../jump/src/ssh/transport.ts';

export interface Stranger {
  transport: Transport;
  /** The next message of the other side. Rejects with the reason when it hangs up instead. */
  next(): Promise<Buffer>;
  /** Resolves with the reason when the other side has hung up. */
  readonly closed: Promise<string>;
}

/** Connects, exchanges keys and asks for the service of signing in. */
export async function connectStranger(port: number): Promise<Stranger> {
  const opened = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<string>();
  const inbox: Buffer[] = [];
  const readers: PromiseWithResolvers<Buffer>[] = [];
  closed.promise.then((reason) => {
    for (const reader of readers.splice(0)) reader.reject(new Error(reason));
  });
  const stream = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
  await once(stream, 'connect');
  const transport: Transport = new Transport({
    line: new SocketLine(stream),
    offer: workerFacingOffer,
    handlers: {
      onOpen: () => transport.requestService('ssh-userauth'),
      onServiceAccept: () => opened.resolve(),
      onMessage: (payload) => {
        const copy = Buffer.from(payload);
        const reader = readers.shift();
        if (reader) reader.resolve(copy);
        else inbox.push(copy);
      },
      onDrain: () => undefined,
      onClose: (reason) => {
        closed.resolve(reason);
        opened.reject(new Error(reason));
      },
    },
  });
  await opened.promise;
  return {
    transport,
    closed: closed.promise,
    next() {
      const said = inbox.shift();
      if (said) return Promise.resolve(said);
      const reader = Promise.withResolvers<Buffer>();
      readers.push(reader);
      return reader.promise;
    },
  };
}
