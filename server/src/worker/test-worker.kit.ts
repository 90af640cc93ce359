/** A worker that says just what it is told to, over a real socket. */
import { randomBytes } from 'node:crypto';
import type { EnvironmentId, WorkerId } from '@easel/schema/ids';
import { decode } from '@easel/schema/wire/codec';
import { type Heartbeat, type ServerMessage, serverMessageSchema, type WorkerEvent } from '@easel/schema/wire/worker';
import { WebSocket } from 'ws';

export interface PlacedWorker {
  environmentId: EnvironmentId;
  workerId: WorkerId;
  generation: number;
  token: string;
}

export type TestWorker = Awaited<ReturnType<typeof dialWorker>>;

export const newWorkerSecret = () => randomBytes(32).toString('hex');

/** Dials and, unless told not to, says hello with these fields. Resolves when the socket is open. */
export async function dialWorker(
  url: string,
  placed: PlacedWorker,
  options: { secret?: string; hello?: Record<string, unknown> | null; origin?: string } = {},
) {
  const secret = options.secret ?? newWorkerSecret();
  const socket = new WebSocket(url, {
    perMessageDeflate: false,
    ...(options.origin ? { origin: options.origin } : {}),
  });
  const got: ServerMessage[] = [];
  const wakes = new Set<() => void>();
  const wakeAll = () => {
    for (const wake of wakes) wake();
  };
  let end: { code: number; reason: string } | undefined;
  socket.on('message', (data) => {
    got.push(decode(serverMessageSchema, data.toString()));
    wakeAll();
  });
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.on('close', (code, reason) => {
      end = { code, reason: reason.toString() };
      resolve(end);
      wakeAll();
    }),
  );
  await new Promise<void>((resolve, reject) => {
    socket.on('open', () => resolve());
    socket.on('error', reject);
  });
  socket.on('error', () => undefined);

  const say = (message: unknown) => socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  /** The first message of this type that has come or comes, when it passes. Rejects when the socket closes without it. */
  async function message<T extends ServerMessage['type']>(
    type: T,
    passes: (message: Extract<ServerMessage, { type: T }>) => boolean = () => true,
  ): Promise<Extract<ServerMessage, { type: T }>> {
    for (;;) {
      const found = got.find(
        (one): one is Extract<ServerMessage, { type: T }> =>
          one.type === type && passes(one as Extract<ServerMessage, { type: T }>),
      );
      if (found) return found;
      if (end) throw new Error(`closed with ${end.code} ${end.reason} while waiting for ${type}`);
      await new Promise<void>((resolve) => {
        const wake = () => {
          wakes.delete(wake);
          resolve();
        };
        wakes.add(wake);
      });
    }
  }

  const { environmentId, workerId, generation, token } = placed;
  if (options.hello !== null) {
    say({
      type: 'worker.hello',
      protocol: { oldest: 1, newest: 1 },
      environmentId,
      workerId,
      generation,
      token,
      secret,
      agentVersion: '0.1.0',
      ...options.hello,
    });
  }
  return {
    socket,
    secret,
    got,
    closed,
    say,
    message,
    report: (number: number, event: WorkerEvent | Record<string, unknown>) =>
      say({ type: 'worker.report', number, at: new Date().toISOString(), event }),
    beat: (fields: Partial<Heartbeat> = {}) => say({ ...someBeat(), ...fields }),
    /** Lines `from` to `to`, as one append. */
    lines: (number: number, texts: readonly string[], source = 'sources') =>
      say({
        type: 'log.append',
        number,
        lines: texts.map((text) => ({ at: new Date().toISOString(), source, stream: 'stdout', text })),
      }),
    cut: () => socket.terminate(),
  };
}

export function someBeat(): Heartbeat {
  const now = new Date().toISOString();
  return {
    type: 'worker.heartbeat',
    at: now,
    activity: { lastActiveAt: now, sources: ['ssh'] },
    resources: {
      cpus: 0.5,
      memoryBytes: 1e8,
      memoryLimitBytes: null,
      diskUsedBytes: 1e9,
      diskTotalBytes: 1e10,
      processes: 12,
    },
    git: [{ path: 'shop', branch: 'main', commit: 'a'.repeat(40), uncommitted: 1, unpushed: 0 }],
    ports: [{ port: 8080, process: 'node' }],
    sessions: { ssh: 1, port: 0 },
  };
}

export const READY = {
  type: 'worker.ready',
  runtime: 'process',
  user: 'dev',
  home: '/home/dev',
  project: '/home/dev/shop',
  shell: '/bin/sh',
} as const;
