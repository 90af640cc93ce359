/**
 * One GraphQL WebSocket: opened → `connection_init` → acknowledged → operations, each with an id of the client's making.
 * Source: PROTOCOL.md of github.com/enisdenjo/graphql-ws. A message that breaks the protocol closes the socket with the
 * code that it names; an operation that is refused ends alone, with `error`.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Log } from '@easel/kit/log';
import { AppError, ERRORS } from '@easel/schema/errors';
import type { RawData, WebSocket } from 'ws';
import { CLOSE, type ClientMessage, errorMessage, parseClientMessage } from './graphql-protocol.ts';
import type { GraphqlSocketLimits } from './graphql-socket.ts';
import { type Operations, type Prepared, RefusedOperation, type Viewer } from './operations.ts';
import { type Flusher, Outbox } from './outbox.ts';
import { Delivery, type Running, startSingle, startStream } from './running.ts';
import type { SharedResult, SharedSubscriptions } from './shared-subscription.ts';

export interface GraphqlConnection {
  /** Known after `connection_ack`. */
  readonly viewer: Viewer | undefined;
  ping(): void;
  close(code: number, reason: string): void;
  terminate(): void;
}

export interface ConnectionParts {
  webSocket: WebSocket;
  /** The connection beneath it. */
  socket: Duplex;
  request: IncomingMessage;
  limits: GraphqlSocketLimits;
  operations: Operations;
  shared: SharedSubscriptions;
  flusher: Flusher;
  log: Log;
  /** Throws an `AppError` for whoever may not come in. */
  authenticate(params: Record<string, unknown>): Promise<Viewer>;
  /** Takes back what `authenticate` counted. */
  forget(viewer: Viewer): void;
  onClose(code: number): void;
}

export function createConnection(parts: ConnectionParts): GraphqlConnection {
  const { webSocket, limits, log } = parts;
  const running = new Map<string, Running>();
  let viewer: Viewer | undefined;
  let hasInit = false;
  let isClosed = false;
  let isAlive = true;
  let allowance = limits.messages.burst;
  let countedAtMs = performance.now();
  let behindTimer: NodeJS.Timeout | undefined;

  const outbox = new Outbox({
    socket: parts.socket,
    flusher: parts.flusher,
    maxBufferedBytes: limits.unreadBytes,
    onDrain: () => {
      clearTimeout(behindTimer);
      behindTimer = undefined;
      for (const operation of running.values()) operation.resume();
    },
  });
  const close = (code: number, reason: string) => {
    if (isClosed) return;
    cleanUp();
    // A close frame's reason has at most 123 bytes (RFC 6455 §5.5).
    webSocket.close(code, Buffer.from(reason).subarray(0, 123).toString());
  };
  const cleanUp = () => {
    isClosed = true;
    clearTimeout(initTimer);
    clearTimeout(behindTimer);
    outbox.close();
    for (const operation of running.values()) operation.end();
    running.clear();
  };
  const initTimer = setTimeout(() => {
    if (!viewer) close(CLOSE.initialisationTimeout, 'Connection initialisation timeout');
  }, limits.initMs);

  /** A client that has fallen behind has some time to read again. */
  const onBehind = () => {
    behindTimer ??= setTimeout(() => {
      log.info('graphql socket does not read, cutting it off');
      webSocket.terminate();
    }, limits.unreadMs);
  };

  /** Tells the client that the operation is over. */
  const conclude = (id: string, result: Exclude<SharedResult, { kind: 'next' }>) => {
    if (isClosed) return;
    finish(id);
    outbox.send(
      result.kind === 'complete' ? JSON.stringify({ id, type: 'complete' }) : errorMessage(id, result.errors),
    );
  };
  const finish = (id: string) => {
    const operation = running.get(id);
    running.delete(id);
    operation?.end();
  };

  function start(id: string, prepared: Prepared): void {
    const delivery = new Delivery({ id, outbox, onBehind, conclude });
    if (prepared.kind === 'single') running.set(id, startSingle(delivery, prepared.run, fail));
    else if (prepared.kind === 'stream') running.set(id, startStream(delivery, prepared.open, fail));
    else {
      // The group's first result comes in a later turn, when the operation is known here.
      const { leave, rejoin } = parts.shared.join(prepared.key, prepared.open, delivery);
      running.set(id, { end: leave, resume: rejoin });
    }
  }

  const fail = (err: unknown) => {
    log.error({ err }, 'graphql socket failed');
    close(CLOSE.internal, 'internal error');
  };

  const handlers: { [T in ClientMessage['type']]: (message: Extract<ClientMessage, { type: T }>) => void } = {
    connection_init({ payload }) {
      if (hasInit) return close(CLOSE.tooManyInitialisations, 'Too many initialisation requests');
      hasInit = true;
      parts.authenticate(payload ?? {}).then(
        (known) => {
          if (isClosed) return parts.forget(known);
          viewer = known;
          clearTimeout(initTimer);
          outbox.send('{"type":"connection_ack"}');
        },
        (err: unknown) => {
          if (isClosed) return;
          if (err instanceof AppError && ERRORS[err.code].kind !== 'bug') close(ERRORS[err.code].close, err.message);
          else fail(err);
        },
      );
    },
    ping({ payload }) {
      outbox.send(JSON.stringify(payload === undefined ? { type: 'pong' } : { type: 'pong', payload }));
    },
    pong() {
      // Its arrival says all that there is to say.
    },
    subscribe({ id, payload }) {
      if (!viewer) return close(CLOSE.unauthorized, 'Unauthorized');
      if (running.has(id)) return close(CLOSE.subscriberExists, `Subscriber for ${id} already exists`);
      if (running.size >= limits.operations) {
        const { message } = new AppError({
          code: 'LIMIT_EXCEEDED',
          message: `a connection runs at most ${limits.operations} operations at once: end some, or open another`,
        });
        return outbox.send(errorMessage(id, [{ message, extensions: { code: 'LIMIT_EXCEEDED' } }]));
      }
      try {
        const { query, operationName = null, variables } = payload;
        start(id, parts.operations.prepare({ query, operationName, variables: variables ?? {} }, viewer));
      } catch (err) {
        if (!(err instanceof RefusedOperation)) return fail(err);
        outbox.send(errorMessage(id, err.errors));
      }
    },
    complete({ id }) {
      finish(id);
    },
  };

  webSocket.on('message', (data: RawData, isBinary) => {
    isAlive = true;
    if (isClosed) return;
    const nowMs = performance.now();
    const regained = ((nowMs - countedAtMs) / 1000) * limits.messages.perSecond;
    allowance = Math.min(limits.messages.burst, allowance + regained) - 1;
    countedAtMs = nowMs;
    if (allowance < 0) return close(ERRORS.RATE_LIMITED.close, 'too many messages: slow down');
    if (isBinary) return close(CLOSE.badRequest, 'messages are text');
    try {
      const message = parseClientMessage(data.toString());
      (handlers[message.type] as (message: ClientMessage) => void)(message);
    } catch (err) {
      if (err instanceof AppError) close(CLOSE.badRequest, err.message);
      else fail(err);
    }
  });
  webSocket.on('pong', () => {
    isAlive = true;
  });
  // What is wrong with a frame is told to the client by `ws` itself, with the code of RFC 6455.
  webSocket.on('error', (err) => log.debug({ err }, 'graphql socket error'));
  webSocket.on('close', (code) => {
    if (!isClosed) cleanUp();
    if (viewer) parts.forget(viewer);
    parts.onClose(code);
  });

  return {
    get viewer() {
      return viewer;
    },
    ping() {
      if (!isAlive) return webSocket.terminate();
      isAlive = false;
      webSocket.ping();
    },
    close,
    terminate: () => webSocket.terminate(),
  };
}
