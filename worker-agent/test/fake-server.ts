/** A server for one worker: speaks the worker's protocol by the same schemas, remembers what it is told, and misbehaves on demand. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type EnvironmentId, newId, type WorkerId } from '@easel/schema/ids';
import { decode, encode } from '@easel/schema/wire/codec';
import { type Manifest, manifestSchema } from '@easel/schema/wire/manifest';
import {
  type Heartbeat,
  type LogLine,
  type ServerMessage,
  serverMessageSchema,
  type WorkerEvent,
  type WorkerMessage,
  workerMessageSchema,
} from '@easel/schema/wire/worker';
import { type WebSocket, WebSocketServer } from 'ws';

type EventOf<T extends WorkerEvent['type']> = Extract<WorkerEvent, { type: T }>;

export interface FakeServerOptions {
  manifest?: Partial<Manifest>;
  heartbeatSeconds?: number;
  /** Where it listens: containers do not reach loopback. */
  host?: string;
}

export class FakeServer {
  readonly manifest: Manifest;
  readonly token = 'a'.repeat(64);
  readonly events: WorkerEvent[] = [];
  readonly lines: LogLine[] = [];
  readonly heartbeats: Heartbeat[] = [];
  readonly hellos: Extract<WorkerMessage, { type: 'worker.hello' }>[] = [];
  /** What broke the protocol; a test asserts that it is empty. */
  readonly problems: string[] = [];
  /** While false nothing is acknowledged, and nothing counts as stored. */
  isStoring = true;
  /** Answers hellos with a refusal. */
  refusal: Extract<ServerMessage, { type: 'worker.refused' }> | null = null;
  /** How many reports and chunks came that were stored already. */
  replays = 0;
  readonly #heartbeatSeconds: number;
  readonly #host: string;
  readonly #http: Server = createServer();
  readonly #sockets = new WebSocketServer({ noServer: true });
  readonly #watchers = new Set<() => void>();
  #socket: WebSocket | null = null;
  #storedReport = 0;
  #storedLog = 0;
  #isUp = true;

  constructor(options: FakeServerOptions = {}) {
    this.#heartbeatSeconds = options.heartbeatSeconds ?? 1;
    this.#host = options.host ?? '127.0.0.1';
    this.manifest = manifestSchema.parse({ ...usualManifest(), ...options.manifest });
    this.#http.on('upgrade', (req, socket, head) => {
      if (!this.#isUp || req.url !== '/worker') return socket.destroy();
      this.#sockets.handleUpgrade(req, socket, head, (ws) => this.#serve(ws));
    });
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#http.listen(0, this.#host, resolve));
    return this;
  }

  get url(): string {
    return `http://${this.#host}:${(this.#http.address() as AddressInfo).port}`;
  }

  get isConnected(): boolean {
    return this.#socket !== null;
  }

  /** Ends the line with a code, as for a connection that another one has overtaken. */
  hangUp(code: number, reason: string): void {
    this.#socket?.close(code, reason);
  }

  /** Cuts the line; while down, the worker's dials fail. */
  goDown(): void {
    this.#isUp = false;
    this.#socket?.terminate();
  }

  comeBack(): void {
    this.#isUp = true;
  }

  send(message: ServerMessage): void {
    this.#socket?.send(encode(serverMessageSchema, message));
  }

  stop(deadlineSeconds = 30): void {
    this.send({ type: 'worker.stop', reason: 'the owner asked for it', deadlineSeconds });
  }

  all<T extends WorkerEvent['type']>(type: T): EventOf<T>[] {
    return this.events.filter((event): event is EventOf<T> => event.type === type);
  }

  text(source?: string): string {
    return this.lines
      .filter((line) => source === undefined || line.source === source)
      .map((line) => line.text)
      .join('\n');
  }

  /** Resolves to the first event of this type. Rejects after the limit, with all that has come instead. */
  async event<T extends WorkerEvent['type']>(type: T, limitMs = 20_000): Promise<EventOf<T>> {
    await this.until(() => this.all(type).length > 0, `event ${type}`, limitMs);
    return this.all(type)[0]!;
  }

  until(isTrue: () => boolean, what: string, limitMs = 20_000): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (!isTrue()) return;
        end();
        resolve();
      };
      const timer = setTimeout(() => {
        end();
        reject(new Error(`${what} did not come; got ${JSON.stringify(this.events, null, 1)}\n${this.text()}`));
      }, limitMs);
      const end = () => {
        clearTimeout(timer);
        this.#watchers.delete(look);
      };
      this.#watchers.add(look);
      look();
    });
  }

  async close(): Promise<void> {
    this.#socket?.terminate();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  #serve(ws: WebSocket): void {
    this.#socket = ws;
    ws.on('close', () => {
      if (this.#socket === ws) this.#socket = null;
      this.#look();
    });
    ws.on('message', (data: Buffer) => {
      try {
        this.#receive(ws, decode(workerMessageSchema, data));
      } catch (err) {
        this.problems.push((err as Error).message);
      }
      this.#look();
    });
  }

  #receive(ws: WebSocket, message: WorkerMessage): void {
    const send = (answer: ServerMessage) => ws.send(encode(serverMessageSchema, answer));
    if (message.type === 'worker.hello') this.#greet(message, send);
    else if (message.type === 'worker.heartbeat') this.heartbeats.push(message);
    else if (!this.isStoring) return;
    else if (message.type === 'worker.report') {
      this.#storedReport = this.#store(this.#storedReport, message.number, () => this.events.push(message.event));
      send({ type: 'report.ack', number: this.#storedReport });
    } else {
      this.#storedLog = this.#store(this.#storedLog, message.number, () => this.lines.push(...message.lines));
      send({ type: 'log.ack', number: this.#storedLog });
    }
  }

  #store(stored: number, number: number, add: () => void): number {
    if (number > stored + 1) this.problems.push(`expected number ${stored + 1}, got ${number}`);
    if (number <= stored) this.replays++;
    if (number !== stored + 1) return stored;
    add();
    return number;
  }

  #greet(hello: (typeof this.hellos)[number], send: (answer: ServerMessage) => void): void {
    const first = this.hellos[0];
    this.hellos.push(hello);
    if (hello.token !== this.token) this.problems.push('wrong token');
    if (first && first.secret !== hello.secret) this.problems.push('another secret');
    const welcome: ServerMessage = {
      type: 'worker.welcome',
      protocol: 1,
      heartbeatSeconds: this.#heartbeatSeconds,
      ackedReport: this.#storedReport,
      ackedLog: this.#storedLog,
      manifest: this.manifest,
      relay: null,
      ticketKeys: { keys: [] },
    };
    send(this.refusal ?? welcome);
    if (this.refusal) this.#socket?.close(4000);
  }

  #look(): void {
    for (const look of [...this.#watchers]) look();
  }
}

function usualManifest(): Manifest {
  const environmentId: EnvironmentId = newId('environment');
  const workerId: WorkerId = newId('worker');
  return {
    environmentId,
    environmentName: 'web-shop',
    workerId,
    generation: 1,
    owner: { login: 'ada', name: 'Ada', email: 'ada@example.com' },
    sources: { url: 'file:///nowhere', branch: null },
    projectRoot: '',
    image: null,
    env: {},
    scripts: { init: null, start: null, stop: null },
    sidecars: [],
    idePort: null,
    resources: { cpus: null, memoryBytes: null },
    sshHostKey: '',
    authorizedKeys: [],
    certificateAuthorities: [],
    limits: { imageSeconds: 30, sourcesSeconds: 30, containersSeconds: 30 },
  };
}
