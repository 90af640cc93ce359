/**
 * An API on loopback made of the committed schema: it remembers environments, says what a test tells it, and checks every
 * document as the real one does. `rootOf` is the behaviour; the schema decides what may be asked and answered.
 */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { buildSchema, graphql } from 'graphql';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocketServer } from 'ws';
import type { EnvironmentWithAccess, LogLine } from '../api/environments.ts';
import type { Share } from '../api/shares.ts';
import { aDelivery, aWebhook } from './a-webhook.ts';
import { anEnvironment } from './an-environment.ts';
import { createChanges } from './changes.ts';

const file = fileURLToPath(new URL('api/schema.graphql', import.meta.resolve('@easel/schema/package.json')));
export const FAKE_TOKEN = `easel_pat_${'f'.repeat(43)}`;

type Row = EnvironmentWithAccess & { __typename: 'Environment' };
type Input<T> = { input: T };
type ShareWish = Pick<Share, 'access'> & Partial<Omit<Share, 'user' | 'group'>> & { user?: string; group?: string };

export interface FakeApi {
  readonly url: string;
  readonly rows: Map<string, Row>;
  /** All calls: the field and its arguments. */
  readonly calls: { field: string; args: Record<string, unknown> }[];
  /** What a mutation answers in place of doing it. */
  readonly refusals: Map<string, { __typename: string; code: string; message: string; details?: object }>;
  /** How the snapshot looks at its next listings, one after the other; as it is made after that. */
  readonly snapshotNews: object[];
  readonly sshKeys: { id: string; name: string; fingerprint: string; publicKey: string }[];
  readonly tickets: { relayUrl: string };
  /** Changes a row and tells of it. */
  change(name: string, fields: Partial<EnvironmentWithAccess>): void;
  /** Adds lines to every log and tells of them. */
  log(lines: readonly Partial<LogLine>[], options?: { hasEnded?: boolean }): void;
  add(fields: Partial<EnvironmentWithAccess>): void;
  /** How many subscriptions there have been. */
  readonly watched: number;
  /** Cuts all lines. */
  cut(): Promise<void>;
  stop(): Promise<void>;
}

export async function startFakeApi(): Promise<FakeApi> {
  const schema = buildSchema(readFileSync(file, 'utf8'));
  const rows: FakeApi['rows'] = new Map();
  const calls: FakeApi['calls'] = [];
  const refusals: FakeApi['refusals'] = new Map();
  const snapshotNews: FakeApi['snapshotNews'] = [];
  const sshKeys: FakeApi['sshKeys'] = [];
  const tickets: FakeApi['tickets'] = { relayUrl: 'http://127.0.0.1:9' };
  const lines: LogLine[] = [];
  const shares: ({ __typename: 'Share' } & Share)[] = [];
  const changes = createChanges();
  let hasEnded = false;
  const platforms = [{ ...aPlatform }];
  const byId = (id: string) => [...rows.values()].find((row) => row.id === id);
  const chunkAfter = (after: unknown, first = 1_000) => {
    const from = after ? lines.findIndex(({ cursor }) => cursor === after) + 1 : 0;
    const chosen = lines.slice(from, from + first);
    return { lines: chosen, cursor: chosen.at(-1)?.cursor ?? after ?? null, hasEnded };
  };
  const pageOf = (nodes: readonly object[], { first, after }: { first?: number; after?: string }) => {
    const from = after ? Number(after) : 0;
    const until = from + (first ?? 20);
    return {
      pageInfo: {
        hasNextPage: until < nodes.length,
        hasPreviousPage: from > 0,
        endCursor: String(until),
        startCursor: null,
      },
      edges: nodes.slice(from, until).map((node) => ({ node, cursor: '' })),
    };
  };
  const change: FakeApi['change'] = (name, fields) => {
    const row = rows.get(name);
    if (!row) throw new Error(`no environment ${name}`);
    rows.set(name, { ...row, version: row.version + 1, ...fields });
    changes.tell();
  };
  const add: FakeApi['add'] = (fields) => {
    const row = anEnvironment({ id: `env01jdc${String(rows.size).padStart(21, '0')}`, ...fields });
    rows.set(row.name, { __typename: 'Environment', ...row });
  };
  const wish = (id: string, fields: Partial<EnvironmentWithAccess>) => {
    const row = byId(id);
    if (!row) return { __typename: 'NotFound', code: 'NOT_FOUND', message: 'no such environment', details: {} };
    change(row.name, fields);
    return rows.get(row.name);
  };
  const rootOf = {
    me: () => ({ id: 'usr1', login: 'ada', name: 'Ada', email: null, isAdministrator: true }),
    environment: ({ id, name }: { id?: string; name?: string }) => {
      const row = id ? byId(id) : rows.get(name ?? '');
      return row ? { ...row, shares } : null;
    },
    sharedEnvironments: () =>
      [...rows.values()].map((row) => ({ ...row, owner: { login: 'eve' }, myShare: shares[0] })),
    shareEnvironment: ({ input }: Input<ShareWish>) => {
      const { user, group, access, ports = [], note = '', expiresAt = null } = input;
      const guest = { user: user ? { login: user, name: user } : null, group: group ? { name: group } : null };
      const id = `shr01jdc${String(shares.length).padStart(21, '0')}`;
      shares.push({ __typename: 'Share', id, access, ports, note, expiresAt, createdAt: NOW, ...guest });
      return shares.at(-1);
    },
    revokeShare: ({ id }: { id: string }) =>
      shares.splice(
        shares.findIndex((share) => share.id === id),
        1,
      )[0],
    environments: (args: { first?: number; after?: string; phases?: string[] }) =>
      pageOf(
        [...rows.values()].filter(({ phase }) => !args.phases || args.phases.includes(phase)),
        args,
      ),
    environmentLog: ({ after, first }: { after?: string; first?: number }) => chunkAfter(after, first),
    templates: (args: { first?: number; after?: string }) => pageOf([{ ...aTemplate, name: 'sample' }], args),
    template: ({ name }: { name?: string }) => (name === 'sample' ? aTemplate : null),
    sshKeys: () => sshKeys.map((key) => ({ ...anSshKey, ...key })),
    createEnvironment: ({ input }: Input<{ name: string; branch?: string }>) => {
      add({ name: input.name, branch: input.branch ?? null, phase: 'queued', connectivity: 'none' });
      return rows.get(input.name);
    },
    startEnvironment: ({ id }: { id: string }) => wish(id, { phase: 'queued', desired: 'running', failure: null }),
    stopEnvironment: ({ id }: { id: string }) => wish(id, { phase: 'stopping', desired: 'stopped' }),
    webhooks: () => [aWebhook],
    webhookEvents: () => [
      { name: 'environment.failed', description: 'an environment cannot go on' },
      { name: 'user.created', description: 'there is a new user' },
    ],
    createWebhook: ({ input }: Input<{ name: string }>) => ({
      __typename: 'WebhookWithSecret',
      secret: 'whsec_new',
      webhook: { ...aWebhook, ...input },
    }),
    testWebhook: () => ({ ...aDelivery, event: 'webhook.ping', attempts: 1 }),
    node: () => ({ ...aWebhook, deliveries: (args: { first?: number }) => pageOf([aDelivery], args) }),
    redeliverWebhook: () => aDelivery,
    deleteWebhook: () => aWebhook,
    keepEnvironment: ({ id }: { id: string }) => ({
      ...wish(id, {}),
      cleanup: { at: '2030-01-31T12:00:00.000Z', isWarned: false },
    }),
    deleteEnvironment: ({ id }: { id: string }) => wish(id, { phase: 'deleting', desired: 'deleted' }),
    platforms: () => platforms,
    createPlatform: ({ input }: Input<{ name: string }>) => {
      const platform = { ...aPlatform, id: `plt01jdc00000000000000000000${platforms.length}`, name: input.name };
      platforms.push(platform);
      return { __typename: 'PlatformWithToken', token: 'easel_platform_new', platform };
    },
    rotatePlatformToken: ({ id }: { id: string }) => ({
      __typename: 'PlatformWithToken',
      token: 'easel_platform_rotated',
      platform: platforms.find((one) => one.id === id),
    }),
    setPlatformDraining: ({ id, isDraining }: { id: string; isDraining: boolean }) => {
      const platform = platforms.find((one) => one.id === id);
      return platform && Object.assign(platform, { isDraining });
    },
    removePlatform: ({ id }: { id: string }) => platforms.find((one) => one.id === id),
    instanceTypes: () => [anInstanceType],
    createInstanceType: ({ input }: Input<object>) => ({ ...anInstanceType, ...input }),
    deleteInstanceType: () => anInstanceType,
    snapshots: (args: { first?: number; after?: string }) => pageOf([{ ...aSnapshot, ...snapshotNews.shift() }], args),
    snapshotEnvironment: ({ input }: Input<{ name?: string }>) => ({
      ...aSnapshot,
      state: 'waiting',
      name: input.name ?? 'shop 1',
    }),
    deleteSnapshot: () => ({ ...aSnapshot, state: 'deleting' }),
    growEnvironmentDisk: ({ input }: Input<{ id: string; diskBytes: number }>) => ({
      ...byId(input.id),
      disk: { wantedBytes: input.diskBytes, capacityBytes: 20 * 1024 ** 3, problem: null },
    }),
    createTemplate: ({ input }: Input<{ name: string }>) => ({ ...aTemplate, name: input.name }),
    createTicket: () => ({ __typename: 'Ticket', relayUrl: tickets.relayUrl, token: 'ticket', expiresAt: NOW }),
    addSshKey: ({ input }: Input<{ name: string; publicKey: string }>) => {
      const key = { id: `key${sshKeys.length}`, fingerprint: 'SHA256:x', ...input };
      sshKeys.push(key);
      return { __typename: 'SshKey', ...anSshKey, ...key };
    },
    environmentChanged: async function* ({ id }: { id: string }) {
      let told = 0;
      for await (const _change of changes.watch()) {
        const row = byId(id);
        if (!row || row.version === told) continue;
        told = row.version;
        yield { environmentChanged: row };
        if (row.phase === 'deleted') return;
      }
    },
  };
  /** A subscription has another shape than a query of the same name. */
  const logAdded = async function* ({ after }: { after?: string }) {
    let cursor: unknown = after ?? null;
    for await (const _change of changes.watch()) {
      const chunk = chunkAfter(cursor);
      cursor = chunk.cursor;
      if (chunk.lines.length > 0 || chunk.hasEnded) yield { environmentLog: chunk };
      if (chunk.hasEnded) return;
    }
  };
  const root = Object.fromEntries(
    Object.entries(rootOf).map(([field, resolve]) => [
      field,
      (args: never) => {
        calls.push({ field, args });
        return refusals.get(field) ?? resolve(args);
      },
    ]),
  );

  const server = createServer(async (req, res) => {
    const isKnown = req.headers.authorization === `Bearer ${FAKE_TOKEN}`;
    const parts: Buffer[] = [];
    for await (const part of req) parts.push(part);
    const { query, variables } = JSON.parse(Buffer.concat(parts).toString()) as { query: string; variables: object };
    const answer = isKnown
      ? await graphql({ schema, source: query, rootValue: root, variableValues: { ...variables } })
      : { errors: [{ message: 'who are you?', extensions: { code: 'UNAUTHENTICATED' } }] };
    res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  });
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  const wss = new WebSocketServer({ server, path: '/graphql' });
  useServer(
    {
      schema,
      roots: { subscription: { environmentChanged: rootOf.environmentChanged, environmentLog: logAdded } as never },
    },
    wss,
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = async () => {
    await Promise.all([...sockets].map((socket) => once(socket.destroy(), 'close')));
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    rows,
    calls,
    refusals,
    snapshotNews,
    sshKeys,
    tickets,
    change,
    add,
    get watched() {
      return changes.watched;
    },
    log(added, options = {}) {
      for (const line of added) {
        lines.push({ cursor: `c${lines.length + 1}`, at: NOW, source: 'sources', stream: 'stdout', text: '', ...line });
      }
      hasEnded = options.hasEnded ?? hasEnded;
      changes.tell();
    },
    cut,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      await cut();
      await closed;
    },
  };
}

const NOW = '2026-11-23T12:00:00.000Z';
const anSshKey = {
  algorithm: 'ssh-ed25519',
  createdAt: NOW,
  expiresAt: null,
  lastUsedAt: null,
  lastUsedFrom: null,
  verifyRequired: false,
};

const aPlatform = {
  __typename: 'Platform',
  id: 'plt01jdc000000000000000000000',
  name: 'eu-west',
  kind: 'kubernetes',
  isOnline: true,
  isDraining: false,
  isIsolated: true,
  problems: ['it may not list nodes'],
  environmentCount: 0,
  createdAt: NOW,
};
const anInstanceType = {
  __typename: 'InstanceType',
  id: 'typ01jdc000000000000000000000',
  name: 'small',
  description: '',
  cpus: 2,
  memoryBytes: 4 * 1024 ** 3,
  diskBytes: 20 * 1024 ** 3,
  gpus: 0,
  gpuResource: 'nvidia.com/gpu',
  nodeSelector: {},
  createdAt: NOW,
  environmentCount: 0,
};
const aSnapshot = {
  __typename: 'Snapshot',
  id: 'snp01jdc000000000000000000000',
  name: 'before-upgrade',
  environmentName: 'shop',
  state: 'ready',
  sizeBytes: 20 * 1024 ** 3,
  createdAt: NOW,
  platform: { name: 'eu-west' },
};
const aTemplate = {
  __typename: 'Template',
  id: 'tpl01jdc000000000000000000000',
  name: 'sample',
  namespace: { id: 'nsp01jdc000000000000000000000', name: 'default', isDefault: true },
  description: '',
  repositoryUrl: 'https://git.example.com/shop.git',
  branch: null,
  projectRoot: '',
  image: null,
  env: {},
  scripts: {},
  sidecars: [],
  idePort: 8080,
  inactivityMinutes: 30,
  instanceTypes: [],
  createdAt: NOW,
  environmentCount: 0,
};
