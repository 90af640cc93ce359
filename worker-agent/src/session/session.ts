/**
 * The worker's standing line to the server: hello, welcome, reports and log there, commands back.
 *
 * Who: one worker, one server. When: from the worker's birth to its end. The line is dialled again whenever it is lost;
 * each hello shows the same secret, each welcome says what the server has stored, and the rest is replayed. If the server
 * dies, the worker works on. If it refuses for good, `refused` is called and the line is not dialled again.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import { type Redialler, redial } from '@easel/kit/redial';
import { decode, encode } from '@easel/schema/wire/codec';
import { WORKER_PROTOCOL } from '@easel/schema/wire/version';
import {
  type Heartbeat,
  type ServerMessage,
  serverMessageSchema,
  type WorkerEvent,
  type WorkerMessage,
  workerMessageSchema,
} from '@easel/schema/wire/worker';
import type { Config } from '../config.ts';
import { LogOutbox } from './log-outbox.ts';
import { Numbered } from './numbered.ts';

export type Welcome = Extract<ServerMessage, { type: 'worker.welcome' }>;

export interface SessionHandlers {
  /** After every hello; the first one brings the manifest to work by. */
  welcome(welcome: Welcome): void;
  stop(command: Extract<ServerMessage, { type: 'worker.stop' }>): void;
  keys(command: Extract<ServerMessage, { type: 'keys.update' }>): void;
  relay(command: Extract<ServerMessage, { type: 'relay.update' }>): void;
  freeze(command: Extract<ServerMessage, { type: 'worker.freeze' }>): void;
  thaw(command: Extract<ServerMessage, { type: 'worker.thaw' }>): void;
  /** For good: nobody wants this worker. */
  refused(reason: string): void;
}

export interface Session {
  report(event: WorkerEvent): void;
  readonly log: LogOutbox;
  /** False when the line is down or clogged: a heartbeat is never kept. */
  beat(heartbeat: Heartbeat): boolean;
  /** Whether everything said so far was stored by the server within the limit. */
  settled(limitMs: number): Promise<boolean>;
  /** Closes the line for good. */
  close(): Promise<void>;
}

/** More than this waiting on the socket, and a heartbeat is left out: the next one says more. */
const cloggedBytes = 256 * 1024;
/** The largest message of the server: a manifest with scripts and keys. */
const maxServerMessageBytes = 1024 * 1024;

export interface SessionOptions {
  config: Pick<
    Config,
    'EASEL_SERVER_URL' | 'EASEL_ENVIRONMENT_ID' | 'EASEL_WORKER_ID' | 'EASEL_GENERATION' | 'EASEL_WORKER_TOKEN'
  >;
  agentVersion: string;
  handlers: SessionHandlers;
  clock: Clock;
  log: Log;
}

/** Starts dialling. */
export function openSession(options: SessionOptions): Session {
  const { config, handlers, clock, log } = options;
  const secret = randomBytes(32).toString('hex');
  const ending = new AbortController();
  let isRefused = false;
  let line: Redialler | undefined;

  const send = (message: WorkerMessage) => line?.send(encode(workerMessageSchema, message)) ?? false;
  const reports = new Numbered<{ at: string; event: WorkerEvent }>((number, { at, event }) =>
    send({ type: 'worker.report', number, at, event }),
  );
  const outbox = new LogOutbox({ send: (number, lines) => send({ type: 'log.append', number, lines }), clock });

  const refuse = (reason: string) => {
    if (isRefused) return;
    isRefused = true;
    log.warn({ reason }, 'the server refuses this worker for good');
    line?.close();
    handlers.refused(reason);
  };

  const onMessage: { [T in ServerMessage['type']]: (message: Extract<ServerMessage, { type: T }>) => void } = {
    'worker.welcome': (welcome) => {
      log.info({ protocol: welcome.protocol, ackedReport: welcome.ackedReport }, 'welcomed by the server');
      handlers.welcome(welcome);
      reports.resume(welcome.ackedReport);
      outbox.resume(welcome.ackedLog);
    },
    'worker.refused': ({ code, message, isFinal }) => {
      if (isFinal) refuse(message);
      else log.warn({ code, reason: message }, 'the server refuses this worker for now');
    },
    'report.ack': ({ number }) => reports.acknowledge(number),
    'log.ack': ({ number }) => outbox.acknowledge(number),
    'worker.stop': handlers.stop,
    'keys.update': handlers.keys,
    'relay.update': handlers.relay,
    'worker.freeze': handlers.freeze,
    'worker.thaw': handlers.thaw,
  };

  line = redial({
    url: () => workerUrl(config.EASEL_SERVER_URL),
    log,
    clock,
    signal: ending.signal,
    socketOptions: { maxPayload: maxServerMessageBytes },
    // Only `worker.refused` is for good: a close may be the end of a connection that another one of ours has overtaken.
    fatal: () => isRefused,
    onOpen: () =>
      send({
        type: 'worker.hello',
        protocol: WORKER_PROTOCOL,
        environmentId: config.EASEL_ENVIRONMENT_ID,
        workerId: config.EASEL_WORKER_ID,
        generation: config.EASEL_GENERATION,
        token: config.EASEL_WORKER_TOKEN.reveal(),
        secret,
        agentVersion: options.agentVersion,
      }),
    onClose: () => {
      reports.pause();
      outbox.pause();
    },
    onMessage: (data) => {
      const message = understand(data, log);
      if (message) (onMessage[message.type] as (message: ServerMessage) => void)(message);
    },
  });

  return {
    log: outbox,
    report(event) {
      const item = { at: new Date(clock.now()).toISOString(), event };
      if (event.type !== 'step.progressed') return reports.add(item);
      reports.replaceNewest(
        item,
        ({ event: newest }) => newest.type === 'step.progressed' && newest.step === event.step,
      );
    },
    beat(heartbeat) {
      if (!reports.isConnected || (line?.bufferedBytes ?? 0) > cloggedBytes) return false;
      return send(heartbeat);
    },
    async settled(limitMs) {
      if (isRefused) return false;
      const limit = Promise.withResolvers<false>();
      const timer = clock.setTimeout(() => limit.resolve(false), limitMs);
      const all = Promise.all([reports.settled(), outbox.settled()]).then(() => true);
      const isSettled = await Promise.race([all, limit.promise]);
      timer.cancel();
      return isSettled;
    },
    async close() {
      line?.close();
      await line?.closed;
    },
  };
}

/** A newer server may say what this worker does not know; it must not stop the work for that. */
function understand(data: Buffer, log: Log): ServerMessage | null {
  try {
    return decode(serverMessageSchema, data);
  } catch (err) {
    log.warn({ err }, 'message of the server not understood');
    return null;
  }
}

function workerUrl(serverUrl: string): string {
  const url = new URL(serverUrl);
  url.protocol = url.protocol.replace('http', 'ws');
  url.pathname = `${url.pathname.replace(/\/$/, '')}/worker`;
  return url.href;
}
