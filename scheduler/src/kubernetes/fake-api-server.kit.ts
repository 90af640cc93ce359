/**
 * A Kubernetes API server in memory, for tests: the kinds that a scheduler uses, with list, watch, resource versions, label
 * selectors, dry runs, preconditions and graceful deletion, and faults to order. Held to the same contract as a real one
 * (platform.contract.ts). Nobody schedules or runs pods: a test says what becomes of them (`change`, `finish`).
 */
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';

type Json = Record<string, unknown>;
interface Metadata extends Json {
  name: string;
  uid: string;
  resourceVersion: string;
  labels?: Record<string, string>;
  deletionTimestamp?: string;
}
export interface Stored extends Json {
  metadata: Metadata;
}
interface Watcher {
  collection: string;
  selector: string | null;
  send: (type: string, object: unknown) => void;
}

/** One fault: answers instead of the server, or after it has done what was asked (`isDone`: a write whose answer is lost). */
export interface Fault {
  method: string;
  /** Matches the path without the query. */
  path: RegExp;
  status: number;
  reason?: string;
  retryAfterSeconds?: number;
  isDone?: boolean;
  times: number;
}

/** The driver of its storage and snapshot classes. */
export const testDriver = 'disk.example.com';

const cluster: Readonly<Record<string, readonly Json[]>> = {
  storageclasses: [
    {
      metadata: { name: 'standard', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
      provisioner: testDriver,
      allowVolumeExpansion: true,
    },
    { metadata: { name: 'fixed' }, provisioner: testDriver },
  ],
  volumesnapshotclasses: [{ metadata: { name: 'standard-snapshots' }, driver: testDriver }],
};

const snapshotApi: Json = {
  kind: 'APIResourceList',
  apiVersion: 'v1',
  groupVersion: 'snapshot.storage.k8s.io/v1',
  resources: [
    {
      name: 'volumesnapshots',
      singularName: 'volumesnapshot',
      namespaced: true,
      kind: 'VolumeSnapshot',
      // Without `watch`, which it has, the garbage collector of a real cluster lets it be.
      verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch'],
    },
  ],
};

export class FakeApiServer {
  readonly #objects = new Map<string, Map<string, Stored>>();
  readonly #watchers = new Set<Watcher>();
  readonly #server: Server;
  readonly faults: Fault[] = [];
  /** All calls that were answered, `POST pods`. */
  readonly calls: string[] = [];
  /** Watches are opened, and tell nothing any more, not even their end. */
  isStalled = false;
  servesSnapshots = true;
  /** `verb resource` that a self-check is refused. */
  readonly forbidden = new Set<string>();
  #version = 100;
  #oldestVersion = 0;
  #staleList: { collection: string; items: Stored[]; version: string } | null = null;

  /** Given a certificate, it can stand behind a real API server as the one that serves snapshots (an APIService). */
  constructor(tls?: { key: string; cert: string }) {
    const serve = (request: IncomingMessage, response: ServerResponse) => {
      this.#serve(request, response).catch((err: unknown) => {
        const fields = err instanceof Refused ? err : new Refused(500, 'InternalError', String(err));
        answer(response, fields.status, statusOf(fields.status, fields.reason, fields.message));
      });
    };
    this.#server = tls ? createTlsServer(tls, serve) : createServer(serve);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', () => resolve()));
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  /** What leads here. */
  kubeConfig(): KubeConfig {
    const server = `http://127.0.0.1:${this.port}`;
    const config = new KubeConfig();
    config.loadFromClusterAndUser({ name: 'fake', server, skipTLSVerify: true }, { name: 'nobody' });
    return config;
  }

  all(kind: string): Stored[] {
    return [...this.#objects].flatMap(([collection, objects]) =>
      collection.endsWith(`/${kind}`) ? [...objects.values()] : [],
    );
  }

  /** Lays `fields` on the first level of an object, as a part of the cluster would. */
  change(kind: string, name: string, fields: Json): void {
    const [collection, stored] = this.#find(kind, name);
    this.#store(collection, { ...stored, ...fields }, 'MODIFIED');
  }

  /** An object goes without having been asked. */
  finish(kind: string, name: string): void {
    const [collection, stored] = this.#find(kind, name);
    this.#drop(collection, stored);
  }

  /** An object that somebody else made. */
  put(path: string, object: Json & { metadata: Json }): Stored {
    return this.#create(path, object, false);
  }

  /** The history is compacted: whoever watches from before now must list again. */
  expire(): void {
    this.#oldestVersion = ++this.#version;
    this.breakWatches();
  }

  breakWatches(): void {
    this.#watchers.clear();
    this.#server.closeAllConnections();
  }

  /** The next list of the kind is answered from how it is now. */
  keepForStaleList(kind: string): void {
    const collection = [...this.#objects.keys()].find((path) => path.endsWith(`/${kind}`)) ?? '';
    this.#staleList = { collection, items: this.all(kind), version: String(this.#version) };
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const method = request.method ?? 'GET';
    const text = await bodyOf(request);
    const body = text === '' ? {} : (JSON.parse(text) as Json);
    const fault = this.faults.find((one) => one.times > 0 && one.method === method && one.path.test(url.pathname));
    if (fault) fault.times--;
    if (fault && !fault.isDone) return refuse(response, fault);
    const result = this.#handle(method, url, body, response);
    if (fault) return refuse(response, fault);
    if (result !== null) answer(response, method === 'POST' ? 201 : 200, result);
  }

  /** Null when the answer goes on. */
  #handle(method: string, url: URL, body: Json, response: ServerResponse): Json | null {
    const path = url.pathname;
    if (path === '/version') return { gitVersion: 'v1.30.0-fake' };
    if (path === '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews') return this.#review(body);
    if (path.startsWith('/apis/snapshot.storage.k8s.io/') && !this.servesSnapshots)
      throw new Refused(404, 'NotFound', '');
    if (path === '/apis/snapshot.storage.k8s.io/v1') return snapshotApi;
    const ofCluster = cluster[path.split('/').at(-1) ?? ''];
    if (ofCluster) return { kind: 'List', apiVersion: 'v1', items: ofCluster };
    const match = /^(.*\/namespaces\/[^/]+\/([a-z]+))(?:\/([^/]+))?$/.exec(path);
    if (!match) throw new Refused(404, 'NotFound', `nothing at ${path}`);
    const [, collection = '', kind = '', name] = match;
    const selector = url.searchParams.get('labelSelector');
    this.calls.push(`${method} ${kind}`);
    if (name === undefined) {
      if (method === 'POST') return this.#create(collection, body, url.searchParams.get('dryRun') === 'All');
      if (method === 'DELETE') return this.#deleteAll(collection, selector);
      if (url.searchParams.get('watch') === 'true') return this.#watch(collection, url, response);
      return this.#list(collection, selector, url);
    }
    const stored = this.#objects.get(collection)?.get(name);
    if (!stored) throw new Refused(404, 'NotFound', `${kind} "${name}" not found`);
    if (method === 'PATCH') return this.#store(collection, mergePatch(stored, body) as Stored, 'MODIFIED');
    if (method === 'DELETE') return this.#delete(collection, stored, body);
    return stored;
  }

  #review(body: Json): Json {
    const { resourceAttributes } = body.spec as { resourceAttributes: { verb: string; resource: string } };
    const { verb, resource } = resourceAttributes;
    return { status: { allowed: !this.forbidden.has(`${verb} ${resource}`) } };
  }

  #list(collection: string, selector: string | null, url: URL): Json {
    const stale = this.#staleList?.collection === collection ? this.#staleList : null;
    if (stale) this.#staleList = null;
    const all = stale?.items ?? [...(this.#objects.get(collection)?.values() ?? [])];
    const found = all.filter((one) => matches(one, selector));
    const from = Number(url.searchParams.get('continue') ?? 0);
    const limit = Number(url.searchParams.get('limit') ?? found.length);
    const next = from + limit < found.length ? String(from + limit) : undefined;
    return {
      kind: 'List',
      apiVersion: 'v1',
      metadata: { resourceVersion: stale?.version ?? String(this.#version), continue: next },
      items: found.slice(from, from + limit),
    };
  }

  #watch(collection: string, url: URL, response: ServerResponse): null {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const send = (type: string, object: unknown) => void response.write(`${JSON.stringify({ type, object })}\n`);
    const from = Number(url.searchParams.get('resourceVersion') ?? 0);
    if (this.isStalled) return null;
    if (from < this.#oldestVersion) {
      response.end(
        `${JSON.stringify({ type: 'ERROR', object: statusOf(410, 'Expired', 'too old resource version') })}\n`,
      );
      return null;
    }
    const selector = url.searchParams.get('labelSelector');
    const watcher: Watcher = { collection, selector, send };
    // What happened between the list and now; ends in between are told by a list only, as after an expiry.
    for (const one of this.#objects.get(collection)?.values() ?? []) {
      if (Number(one.metadata.resourceVersion) > from && matches(one, selector)) send('MODIFIED', one);
    }
    send('BOOKMARK', { kind: 'Bookmark', metadata: { resourceVersion: String(this.#version) } });
    this.#watchers.add(watcher);
    response.once('close', () => this.#watchers.delete(watcher));
    return null;
  }

  #create(collection: string, body: Json, isDryRun: boolean): Stored {
    const metadata = body.metadata as Metadata;
    if (!/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/.test(metadata.name)) throw new Refused(422, 'Invalid', 'invalid name');
    const spec = body.spec as { containers?: Json[]; runtimeClassName?: string } | undefined;
    if (spec?.runtimeClassName === 'missing')
      throw new Refused(403, 'Forbidden', 'pod rejected: RuntimeClass not found');
    if (this.#objects.get(collection)?.has(metadata.name)) {
      throw new Refused(409, 'AlreadyExists', `"${metadata.name}" already exists`);
    }
    const stored: Stored = { ...body, metadata: { ...metadata, uid: randomUUID(), resourceVersion: '0' } };
    if (isDryRun) return stored;
    if (collection.endsWith('/pods')) stored.status = { phase: 'Pending' };
    return this.#store(collection, stored, 'ADDED');
  }

  #delete(collection: string, stored: Stored, options: Json): Stored {
    const { uid } = (options.preconditions ?? {}) as { uid?: string };
    if (uid !== undefined && uid !== stored.metadata.uid) throw new Refused(409, 'Conflict', 'the UID does not match');
    const isScheduled = Boolean((stored.spec as { nodeName?: string } | undefined)?.nodeName);
    if (!collection.endsWith('/pods') || !isScheduled) return this.#drop(collection, stored);
    if (stored.metadata.deletionTimestamp) return stored;
    const metadata = { ...stored.metadata, deletionTimestamp: new Date().toISOString() };
    return this.#store(collection, { ...stored, metadata }, 'MODIFIED');
  }

  #deleteAll(collection: string, selector: string | null): Json {
    const items = [...(this.#objects.get(collection)?.values() ?? [])].filter((one) => matches(one, selector));
    for (const one of items) this.#drop(collection, one);
    return { items };
  }

  #store(collection: string, object: Stored, type: string): Stored {
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.#version) } };
    const objects = this.#objects.get(collection) ?? new Map<string, Stored>();
    this.#objects.set(collection, objects.set(stored.metadata.name, stored));
    this.#tell(collection, type, stored);
    return stored;
  }

  #drop(collection: string, object: Stored): Stored {
    this.#objects.get(collection)?.delete(object.metadata.name);
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(++this.#version) } };
    this.#tell(collection, 'DELETED', stored);
    return stored;
  }

  #tell(collection: string, type: string, stored: Stored): void {
    if (this.isStalled) return;
    for (const watcher of this.#watchers) {
      if (watcher.collection === collection && matches(stored, watcher.selector)) watcher.send(type, stored);
    }
  }

  #find(kind: string, name: string): [string, Stored] {
    for (const [collection, objects] of this.#objects) {
      const stored = objects.get(name);
      if (stored && collection.endsWith(`/${kind}`)) return [collection, stored];
    }
    throw new Error(`there is no ${name} of the kind ${kind}`);
  }
}

class Refused extends Error {
  readonly status: number;
  readonly reason: string;

  constructor(status: number, reason: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

function matches(object: Stored, selector: string | null): boolean {
  const wanted = (selector ?? '').split(',').filter((part) => part !== '');
  return wanted.every((part) => {
    const [name = '', value] = part.split('=');
    return object.metadata.labels?.[name] === value;
  });
}

/** RFC 7386. */
function mergePatch(target: unknown, patch: unknown): unknown {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const result: Json = { ...(typeof target === 'object' ? (target as Json) : {}) };
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = mergePatch(result[name], value);
  }
  return result;
}

function statusOf(code: number, reason: string, message: string): Json {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message };
}

function refuse(response: ServerResponse, { status, reason, retryAfterSeconds }: Fault): void {
  if (retryAfterSeconds !== undefined) response.setHeader('retry-after', String(retryAfterSeconds));
  answer(response, status, statusOf(status, reason ?? '', `ordered: ${status}`));
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of request) text += String(part);
  return text;
}
