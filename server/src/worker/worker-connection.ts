/**
 * One worker's socket, from its hello to its end.
 *
 * waiting for `worker.hello` → checking it → open → leaving → closed. Open: reports, heartbeats and log lines come up, each
 * acknowledged only when it is stored; stop, keys and relay tickets go down, read from the row whenever somebody says that
 * it has changed. If the worker dies, its missing pong closes the socket and its missing heartbeat tells the rest. If this
 * process dies, the worker dials another one and replays.
 */
import type { Log } from '@easel/kit/log';
import { AppError, ERRORS, type ErrorCode } from '@easel/schema/errors';
import { decode, encode } from '@easel/schema/wire/codec';
import { negotiate, WORKER_PROTOCOL } from '@easel/schema/wire/version';
import {
  type ServerMessage,
  serverMessageSchema,
  type WorkerMessage,
  workerMessageSchema,
} from '@easel/schema/wire/worker';
import type { RawData, WebSocket } from 'ws';
import type { Db } from '../db.ts';
import type { EnvironmentFacts, Hello, WorkerAccess } from '../environment/facts.ts';
import type { Live } from '../live/live.ts';
import type { LogWriter } from '../log/log-writer.ts';
import type { Presence } from '../presence/presence.service.ts';
import { cleanText } from './clean-text.ts';
import { createDownlink, type Downlink } from './downlink.ts';
import { createMeter } from './meter.ts';
import { createReports, type Reports } from './reports.ts';

export interface GatewayParts {
  db: Db;
  facts: EnvironmentFacts;
  live: Pick<Live, 'worker'>;
  presence: Pick<Presence, 'connected' | 'beat'>;
  logs: LogWriter;
  log: Log;
  heartbeatSeconds: number;
  limits: WorkerLimits;
}

export interface WorkerLimits {
  /** From the upgrade to the hello, and to its answer. */
  helloMs: number;
  /** Messages and bytes that a worker may send in a burst, and per second after it; beyond, it is read more slowly. */
  messages: { burst: number; perSecond: number };
  bytes: { burst: number; perSecond: number };
  /** What may wait to be stored before nothing more is read. */
  pendingReports: number;
  pendingLogBytes: number;
}

export const defaultWorkerLimits: WorkerLimits = {
  helloMs: 15_000,
  messages: { burst: 500, perSecond: 50 },
  bytes: { burst: 8 * 1_048_576, perSecond: 1_048_576 },
  pendingReports: 500,
  pendingLogBytes: 2 * 1_048_576,
};

export interface WorkerConnection {
  /** The worker behind it, once it has proved itself. */
  readonly workerId: string | undefined;
  ping(): void;
  /** Ends it; the worker comes again when the code is not final. */
  close(code: number, reason: string): void;
  terminate(): void;
}

/** How long the last lines may take before a start's end is shown without them. */
const lastLinesMs = 5_000;
/** How often is looked whether what is stored has made room to read on. */
const resumeMs = 20;

export function createWorkerConnection(
  parts: GatewayParts & { webSocket: WebSocket; onOpen(self: WorkerConnection): void; onClose(code: number): void },
): WorkerConnection {
  const { webSocket, facts, limits } = parts;
  let log = parts.log;
  let access: WorkerAccess | undefined;
  let hasHello = false;
  let isClosed = false;
  let isAlive = true;
  let reports: Reports | undefined;
  let logs: ReturnType<LogWriter['open']> | undefined;
  let downlink: Downlink | undefined;
  let nextLog = 0;
  let storedLog = 0;
  const meter = createMeter(limits);
  let pauseTimer: NodeJS.Timeout | undefined;
  const helloTimer = setTimeout(() => {
    if (!access) close(ERRORS.TIMED_OUT.close, 'expected worker.hello');
  }, limits.helloMs);

  const send = (message: ServerMessage) => {
    if (!isClosed) webSocket.send(encode(serverMessageSchema, message));
  };
  const cleanUp = () => {
    isClosed = true;
    clearTimeout(helloTimer);
    clearTimeout(pauseTimer);
    reports?.close();
    logs?.close();
    downlink?.close();
  };
  const close = (code: number, reason: string) => {
    if (isClosed) return;
    cleanUp();
    // A paused socket would never read the answer to its close.
    webSocket.resume();
    // A close frame's reason has at most 123 bytes (RFC 6455 §5.5).
    webSocket.close(code, Buffer.from(reason).subarray(0, 120).toString());
  };
  const refuse = (code: ErrorCode, message: string, isFinal: boolean) => {
    log.info({ code, isFinal }, 'worker refused');
    send({ type: 'worker.refused', code, message, isFinal });
    close(ERRORS[code].close, message);
  };
  const fail = (err: unknown) => {
    if (isClosed) return;
    if (err instanceof AppError && ERRORS[err.code].kind !== 'bug') {
      log.info({ code: err.code, err }, 'worker connection ended');
      close(ERRORS[err.code].close, err.message);
    } else {
      log.error({ err }, 'worker connection failed');
      close(ERRORS.INTERNAL.close, 'internal error');
    }
  };

  async function greet(hello: Hello): Promise<void> {
    log = log.child({ environmentId: hello.environmentId, workerId: hello.workerId });
    const protocol = negotiate(hello.protocol);
    if (protocol === null) {
      const { oldest, newest } = WORKER_PROTOCOL;
      const theirs = `${hello.protocol.oldest} to ${hello.protocol.newest}`;
      const message = `this server speaks versions ${oldest} to ${newest}, the worker ${theirs}`;
      // A newer worker may find a newer replica.
      return refuse('UNSUPPORTED_VERSION', message, hello.protocol.newest < oldest);
    }
    // Before the row is read, so that no change falls in between.
    const changes = parts.live.worker(hello.environmentId);
    try {
      access = await facts.workerAccess(hello);
    } catch (err) {
      void changes.return?.();
      if (!(err instanceof AppError)) return fail(err);
      return refuse(err.code, err.message, ERRORS[err.code].kind === 'refusal');
    }
    if (isClosed) return void changes.return?.();
    clearTimeout(helloTimer);
    open(access, protocol, changes);
  }

  function open(known: WorkerAccess, protocol: number, changes: ReturnType<Live['worker']>): void {
    parts.onOpen(self);
    parts.presence.connected(known);
    nextLog = known.ackedLog + 1;
    storedLog = known.ackedLog;
    logs = parts.logs.open(known, {
      onStored: (number) => {
        storedLog = number;
        send({ type: 'log.ack', number });
      },
      onFailed: fail,
    });
    const { flush } = logs;
    reports = createReports({
      ...parts,
      worker: known,
      ackedReport: known.ackedReport,
      beforeEnd: () => withLimit(flush(), lastLinesMs),
      onAcked: (number) => send({ type: 'report.ack', number }),
      onFailed: fail,
      log,
    });
    send({
      type: 'worker.welcome',
      protocol,
      heartbeatSeconds: parts.heartbeatSeconds,
      ackedReport: known.ackedReport,
      ackedLog: known.ackedLog,
      manifest: known.manifest,
      relay: known.relay,
      ticketKeys: known.ticketKeys,
    });
    downlink = createDownlink({
      facts,
      access: known,
      changes,
      send,
      leave: (reason) => refuse('WRONG_STATE', reason, true),
      fail,
      log,
    });
    log.info({ generation: known.generation, ackedReport: known.ackedReport }, 'worker connected');
  }

  const handlers: { [T in WorkerMessage['type']]: (message: Extract<WorkerMessage, { type: T }>) => void } = {
    'worker.hello': (hello) => {
      if (hasHello) return close(ERRORS.INVALID_INPUT.close, 'a second worker.hello');
      hasHello = true;
      greet(hello).catch(fail);
    },
    'worker.report': (report) => reports?.take(report),
    'worker.heartbeat': (heartbeat) => {
      if (access) parts.presence.beat(access, heartbeat);
    },
    'log.append': ({ number, lines }) => {
      if (number > nextLog) return close(ERRORS.INVALID_INPUT.close, `expected log ${nextLog}, got ${number}: replay`);
      if (number < nextLog) {
        if (number <= storedLog) send({ type: 'log.ack', number: storedLog });
        return;
      }
      nextLog++;
      logs?.append(number, lines);
    },
  };

  /** Reads no more until the worker is within its rates and what it sent is stored. */
  const pauseIfAhead = () => {
    const isAhead = () =>
      (reports?.pending ?? 0) > limits.pendingReports || (logs?.pendingBytes ?? 0) > limits.pendingLogBytes;
    const waitMs = Math.max(meter.waitMs(), isAhead() ? resumeMs : 0);
    if (waitMs === 0 || pauseTimer) return;
    webSocket.pause();
    const look = () => {
      const restMs = Math.max(meter.waitMs(), isAhead() ? resumeMs : 0);
      pauseTimer = restMs > 0 ? setTimeout(look, restMs) : undefined;
      if (!pauseTimer) webSocket.resume();
    };
    pauseTimer = setTimeout(look, waitMs);
  };

  webSocket.on('message', (data: RawData, isBinary) => {
    isAlive = true;
    if (isClosed) return;
    const bytes = data as Buffer;
    meter.count(bytes.byteLength);
    try {
      if (isBinary) throw new AppError({ code: 'INVALID_INPUT', message: 'messages are text' });
      const message = readMessage(bytes.toString());
      if (!access && message.type !== 'worker.hello') {
        return close(ERRORS.UNAUTHENTICATED.close, 'expected worker.hello first');
      }
      (handlers[message.type] as (message: WorkerMessage) => void)(message);
    } catch (err) {
      fail(err);
    }
    if (!isClosed) pauseIfAhead();
  });
  webSocket.on('pong', () => {
    isAlive = true;
  });
  // What is wrong with a frame is told to the worker by `ws` itself, with the code of RFC 6455.
  webSocket.on('error', (err) => log.debug({ err }, 'worker socket error'));
  webSocket.on('close', (code) => {
    if (!isClosed) cleanUp();
    if (access) log.info({ code }, 'worker disconnected');
    parts.onClose(code);
  });

  const self: WorkerConnection = {
    get workerId() {
      return access?.workerId;
    },
    ping() {
      // While nothing is read, no pong is either.
      if (!isAlive && !pauseTimer) return webSocket.terminate();
      isAlive = false;
      webSocket.ping();
    },
    close,
    terminate: () => webSocket.terminate(),
  };
  return self;
}

/** In JSON, what must be cleaned can only come as an escape; most messages have none. */
function readMessage(text: string): WorkerMessage {
  const message = decode(workerMessageSchema, text);
  return text.includes('\\u') ? cleanText(message) : message;
}

async function withLimit(work: Promise<void>, limitMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([work, limit]);
  clearTimeout(timer);
}
