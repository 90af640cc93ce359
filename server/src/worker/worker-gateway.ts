/**
 * Where workers dial in (`/worker`): checks nothing but that there is room, and keeps at most one socket of each worker. A worker
 * proves itself by its hello (worker-connection.ts). No browser has business here, so a request with an Origin is refused.
 */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Metrics } from '@easel/kit/metrics';
import { MAX_MESSAGE_BYTES } from '@easel/schema/wire/codec';
import { WebSocketServer } from 'ws';
import { refuseUpgrade } from '../live/upgrade.ts';
import {
  createWorkerConnection,
  defaultWorkerLimits,
  type GatewayParts,
  type WorkerConnection,
  type WorkerLimits,
} from './worker-connection.ts';

export interface WorkerGatewayOptions extends Omit<GatewayParts, 'limits'> {
  metrics: Metrics;
  limits?: Partial<WorkerLimits>;
  /** Sockets at once, those that have not said hello included. */
  maxSockets?: number;
}

export interface WorkerGateway {
  /** For the HTTP server's `upgrade` event. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Sends all workers to another replica; nothing new is taken. */
  close(): Promise<void>;
}

const pingEveryMs = 15_000;
const defaultMaxSockets = 20_000;
/** Sockets that have not proved anything yet, of all workers together: a hello is one transaction. */
const maxWithoutHello = 2_000;
const closeLimitMs = 1_000;
/** RFC 6455 §7.4.1 and the IANA registry: the service goes away and will be back. */
const CLOSE_GOING_AWAY = 1001;
const CLOSE_REPLACED = 1012;

export function createWorkerGateway(options: WorkerGatewayOptions): WorkerGateway {
  const { metrics, limits, maxSockets = defaultMaxSockets, ...parts } = options;
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
    clientTracking: false,
  });
  const connections = new Set<WorkerConnection>();
  const byWorker = new Map<string, WorkerConnection>();
  const gauge = metrics.gauge('easel_worker_sockets', 'Connected workers');
  const closes = metrics.counter('easel_worker_socket_closes_total', 'Closed connections of workers', ['code']);
  let isClosing = false;

  const pings = setInterval(() => {
    for (const connection of connections) connection.ping();
  }, pingEveryMs);

  return {
    upgrade(request, socket, head) {
      if (request.headers.origin !== undefined) return refuseUpgrade(socket, 403, 'this is for workers');
      if (isClosing) return refuseUpgrade(socket, 503, 'stopping');
      if (connections.size >= maxSockets || connections.size - byWorker.size >= maxWithoutHello) {
        return refuseUpgrade(socket, 503, 'too many connections');
      }
      server.handleUpgrade(request, socket, head, (webSocket) => {
        const connection = createWorkerConnection({
          ...parts,
          limits: { ...defaultWorkerLimits, ...limits },
          webSocket,
          onOpen(self) {
            const workerId = self.workerId ?? '';
            // The worker has dialled again before its old line was found dead.
            byWorker.get(workerId)?.close(CLOSE_REPLACED, 'the worker has connected again');
            byWorker.set(workerId, self);
            gauge.set(byWorker.size);
          },
          onClose(code) {
            connections.delete(connection);
            const { workerId = '' } = connection;
            if (byWorker.get(workerId) === connection) byWorker.delete(workerId);
            gauge.set(byWorker.size);
            closes.inc({ code });
          },
        });
        connections.add(connection);
      });
    },

    async close() {
      isClosing = true;
      clearInterval(pings);
      for (const connection of connections) connection.close(CLOSE_GOING_AWAY, 'stopping');
      const untilMs = performance.now() + closeLimitMs;
      while (connections.size > 0 && performance.now() < untilMs)
        await new Promise((resolve) => setTimeout(resolve, 10));
      for (const connection of connections) connection.terminate();
      server.close();
    },
  };
}
