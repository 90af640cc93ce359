/**
 * The role matrix: every field of Query, Mutation and Subscription × every role, on things of somebody else's. The rows are
 * held against the schema, so that a new field without a row fails, and so does one that lets in, or keeps out, another
 * role than its row says.
 */
import { newId } from '@easel/schema/ids';
import { createClient } from 'graphql-ws';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { openServer, suiteDatabase, type TestServer } from '../http/server.kit.ts';
import { NAMESPACE_ROLES } from './roles.ts';

const ROLES = {
  N: 'nobody',
  P: 'another computing platform',
  X: 'a disabled user',
  O: 'a user without a role',
  V: 'viewer',
  D: 'developer',
  W: 'the developer whose things they are',
  A: 'administrator of the namespace',
  C: 'a user with a role that people made: what a viewer has',
  G: 'a developer by a group',
  U: 'auditor',
  S: 'system administrator',
  v: 'a guest who may see the environment',
  p: 'a guest who may reach its port 1',
  s: 'a guest who may enter it by SSH',
} as const;
type Role = keyof typeof ROLES;
const EVERYBODY = 'OVDWAUSvps';
/** Who has the same by another way may the same. */
const SAME: Partial<Record<Role, Role>> = { C: 'V', G: 'D' };
const ALL = Object.keys(ROLES) as Role[];

type User = Awaited<ReturnType<TestServer['newUser']>>;

interface World {
  owner: User;
  /** Code that a command waits with. */
  device: string;
  environment: string;
  snapshot: string;
  template: string;
  instanceType: string;
  platform: string;
  sshKey: string;
  apiToken: string;
  clientCredential: string;
  session: string;
  signInModule: string;
  invitation: string;
  auditEntry: string;
  namespace: string;
  notification: string;
  user: string;
  group: string;
  role: string;
  service: string;
  /** The one of the guest `v`. */
  share: string;
  webhook: string;
  webhookDelivery: string;
}

type Key = Exclude<keyof World, 'owner'>;
const GUESTS = { v: { access: 'view' }, p: { access: 'ports' }, s: { access: 'ssh' } } as const;

interface Row {
  allowed: string;
  /** Arguments and selection, after the field's name. */
  call: (world: World) => string;
  /** What counts as seen, where an answer without it is not yet a sight of the thing. */
  sees?: (data: unknown, world: World) => boolean;
}

const id = (key: Key) => (world: World) => `(id: "${world[key]}") { __typename ... on Refusal { code } }`;
const mutation = (allowed: string, call: (world: World) => string): Row => ({
  allowed,
  call: (world) => `${call(world)} { __typename ... on Refusal { code } }`,
});
const onThing = (allowed: string, key: Key): Row => ({ allowed, call: id(key) });
const holds = (key: Key) => (data: unknown, world: World) => JSON.stringify(data).includes(world[key]);
const list = (allowed: string, key: Key): Row => ({ allowed, call: () => '{ id }', sees: holds(key) });
const page = (allowed: string, key: Key): Row => ({
  allowed,
  call: () => '(first: 200) { edges { node { id } } }',
  sees: holds(key),
});
const plain = (allowed: string, call: string): Row => ({ allowed, call: () => call });

const QUERIES: Record<string, Row> = {
  auditEntries: plain('US', '(first: 1) { edges { node { id } } }'),
  verifyAudit: plain('US', '{ isIntact }'),
  apiTokenPolicy: plain(EVERYBODY, '{ maxDays }'),
  apiTokens: { allowed: 'S', call: ({ service }) => `(owner: "${service}") { id }` },
  deviceSignIn: { allowed: EVERYBODY, call: ({ device }) => `(code: "${device}") { id }` },
  environment: { allowed: 'VWAUSvps', call: ({ environment }) => `(id: "${environment}") { id }` },
  clientCredentials: { allowed: 'S', call: ({ service }) => `(owner: "${service}") { id }` },
  environmentLog: { allowed: 'VWAUS', call: ({ environment }) => `(id: "${environment}") { __typename }` },
  environments: page('W', 'environment'),
  explainAccess: {
    allowed: 'US',
    call: ({ user, environment }) => `(user: "${user}", act: environment_read, thing: "${environment}") { isAllowed }`,
  },
  groups: page('US', 'group'),
  instanceTypes: list(EVERYBODY, 'instanceType'),
  invitations: list('US', 'invitation'),
  mailStatus: plain('S', '{ isOn }'),
  linkedAccounts: { allowed: 'US', call: ({ user }) => `(user: "${user}") { moduleName }` },
  me: plain(EVERYBODY, '{ id }'),
  notificationPreferences: plain(EVERYBODY, '{ kind }'),
  notifications: page('W', 'notification'),
  namespaces: list('VDWAUS', 'namespace'),
  node: { allowed: 'VWAUSvps', call: ({ environment }) => `(id: "${environment}") { id }` },
  permissions: plain(EVERYBODY, '{ name }'),
  platformEnvironments: { allowed: 'P', call: ({ environment }) => `(ids: ["${environment}"])` },
  platformPlacements: plain('P', ''),
  platformSnapshots: plain('P', ''),
  platforms: list(EVERYBODY, 'platform'),
  roles: list('US', 'role'),
  secondFactorPolicy: plain('US', '{ isRequired }'),
  secondFactors: plain(EVERYBODY, '{ isRequired }'),
  sessions: list('W', 'session'),
  sharedEnvironments: list('vps', 'environment'),
  signInModules: list('US', 'signInModule'),
  snapshots: page('W', 'snapshot'),
  sshKeys: list('W', 'sshKey'),
  template: { allowed: 'VDWAUS', call: ({ template }) => `(id: "${template}") { id }` },
  templates: page('VDWAUS', 'template'),
  troubledMails: plain('S', '{ id }'),
  users: page('US', 'user'),
  webhookEvents: plain(EVERYBODY, '{ name }'),
  webhooks: list('S', 'webhook'),
};

const SSH_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDoY+15hVQm1ShYg+KO0wnkLE+KyO1gz2IDa58RmkKqe';

const MUTATIONS: Record<string, Row> = {
  addSshKey: mutation(EVERYBODY, () => '(input: { publicKey: "x" })'),
  approveDeviceSignIn: mutation(EVERYBODY, ({ device }) => `(code: "${device}")`),
  authorizeSsh: mutation('', () => '(input: { login: "a", publicKey: "a" })'),
  changeGroupMembers: mutation('S', ({ group, user }) => `(id: "${group}", add: ["${user}"])`),
  checkSignInModule: onThing('S', 'signInModule'),
  claimPlacements: plain('P', '(limit: 1, leaseSeconds: 1, claimedBy: "a")'),
  confirmEmail: mutation('', () => '(code: "none")'),
  createApiToken: mutation('S', ({ service }) => `(input: { name: "a", owner: "${service}" })`),
  createClientCredential: mutation('S', ({ service }) => `(input: { name: "a", owner: "${service}" })`),
  createEnvironment: mutation('DWAS', () => `(input: { name: "x-${newId('event').slice(-12)}", template: "sample" })`),
  createGroup: mutation('S', () => '(input: { name: "" })'),
  createInstanceType: mutation('S', () => '(input: { name: "!" })'),
  createInvitation: mutation('S', () => '(input: { name: "a" })'),
  createNamespace: mutation('S', () => '(name: "!")'),
  createPlatform: mutation('S', () => '(input: { name: "!" })'),
  createRole: mutation('S', () => '(input: { name: "", scope: system, permissions: [] })'),
  createRecoveryCodes: mutation(EVERYBODY, () => ''),
  createServiceAccount: mutation('S', () => '(input: { login: "!", name: "a" })'),
  createSignInModule: mutation('S', () => '(input: { name: "a", issuer: "a", clientId: "a" })'),
  createSshCertificate: mutation(
    'Ws',
    ({ environment }) => `(input: { publicKey: "${SSH_KEY}", environment: "${environment}" })`,
  ),
  createTemplate: mutation('AS', () => '(input: { name: "!", repository: { url: "a" } })'),
  createTicket: mutation('Wps', ({ environment }) => `(input: { environment: "${environment}", port: 1 })`),
  createWebhook: mutation('S', () => '(input: { name: "a", url: "a", events: [] })'),
  deleteEnvironment: onThing('WAS', 'environment'),
  deleteGroup: onThing('S', 'group'),
  deleteInstanceType: onThing('S', 'instanceType'),
  deleteNamespace: onThing('S', 'namespace'),
  deleteRole: onThing('S', 'role'),
  deleteSignInModule: onThing('S', 'signInModule'),
  deleteSnapshot: onThing('WS', 'snapshot'),
  deleteTemplate: onThing('AS', 'template'),
  deleteWebhook: onThing('S', 'webhook'),
  denyDeviceSignIn: mutation(EVERYBODY, ({ device }) => `(code: "${device}")`),
  growEnvironmentDisk: mutation(
    'WAS',
    ({ environment }) => `(input: { id: "${environment}", diskBytes: 100000000000 })`,
  ),
  jumpHeartbeat: plain('P', '(input: { sshHostKeys: [] })'),
  keepEnvironment: onThing('WAS', 'environment'),
  linkDirectoryAccount: mutation(
    EVERYBODY,
    ({ signInModule }) => `(module: "${signInModule}", login: "a", password: "a")`,
  ),
  linkAccount: mutation(EVERYBODY, ({ signInModule }) => `(module: "${signInModule}")`),
  moveSignInModule: mutation('S', ({ signInModule }) => `(id: "${signInModule}", position: 0)`),
  platformHeartbeat: plain('P', '(input: { kind: "kubernetes" }) { id }'),
  redeliverWebhook: onThing('S', 'webhookDelivery'),
  readSamlMetadata: onThing('S', 'signInModule'),
  removeAuthenticatorApp: mutation(EVERYBODY, () => ''),
  removePasskey: mutation(EVERYBODY, () => '(id: "a")'),
  removePlatform: onThing('S', 'platform'),
  removeSshKey: onThing('W', 'sshKey'),
  renameNamespace: mutation('S', ({ namespace }) => `(id: "${namespace}", name: "!")`),
  renamePasskey: mutation('', () => '(id: "a", name: "a")'),
  renewPlacements: plain('P', '(ids: [], leaseSeconds: 1, claimedBy: "a")'),
  reportPlacements: plain('P', '(observations: [])'),
  reportSnapshots: plain('P', '(observations: [])'),
  resetSecondFactors: onThing('S', 'user'),
  resetUserPassword: onThing('S', 'user'),
  retryMail: mutation('', () => '(id: "none")'),
  revokeApiToken: onThing('WS', 'apiToken'),
  revokeClientCredential: onThing('S', 'clientCredential'),
  revokeOtherSessions: mutation(EVERYBODY, () => ''),
  revokeSession: onThing('W', 'session'),
  revokeShare: onThing('WAS', 'share'),
  rotateApiToken: onThing('WS', 'apiToken'),
  rotatePlatformToken: onThing('S', 'platform'),
  rotateWebhookSecret: onThing('S', 'webhook'),
  sendTestMail: mutation('S', () => '(to: "!")'),
  setAllNotificationsRead: mutation(EVERYBODY, () => ''),
  setEmail: mutation('', () => '(input: {})'),
  setLanguage: mutation(EVERYBODY, () => ''),
  setNotificationPreference: mutation(
    EVERYBODY,
    () => '(input: { kind: shareReceived, isInbox: true, isMail: false })',
  ),
  setNotificationRead: mutation('W', ({ notification }) => `(id: "${notification}", isRead: true)`),
  setApiTokenScopes: mutation('WS', ({ apiToken }) => `(id: "${apiToken}", scopes: ["read"])`),
  setPassword: mutation(EVERYBODY, () => '(input: { password: "short" })'),
  setPlatformDraining: mutation('S', ({ platform }) => `(id: "${platform}", isDraining: true)`),
  setSecondFactorPolicy: mutation('S', () => '(input: { isRequired: false, requiredRoles: [] })'),
  setUserDisabled: mutation('S', ({ user }) => `(id: "${user}", isDisabled: true)`),
  setUserRoles: mutation('S', ({ user }) => `(id: "${user}", roles: {})`),
  shareEnvironment: mutation(
    'W',
    ({ environment }) => `(input: { environment: "${environment}", user: "${guests.p.login}", access: view })`,
  ),
  snapshotEnvironment: mutation('W', ({ environment }) => `(input: { id: "${environment}" })`),
  startEnvironment: onThing('WAS', 'environment'),
  stopEnvironment: onThing('WAS', 'environment'),
  testWebhook: onThing('S', 'webhook'),
  updateGroup: mutation('S', ({ group }) => `(id: "${group}", input: { name: "" })`),
  unlinkAccount: mutation(
    'S',
    ({ signInModule, user }) => `(module: "${signInModule}", subject: "a", user: "${user}")`,
  ),
  updateInstanceType: mutation('S', ({ instanceType }) => `(id: "${instanceType}", input: { name: "!" })`),
  updatePlatformSettings: mutation('S', ({ platform }) => `(id: "${platform}", settings: {})`),
  updateRole: mutation('S', ({ role }) => `(id: "${role}", input: { name: "", scope: system, permissions: [] })`),
  updateSignInModule: mutation(
    'S',
    ({ signInModule }) => `(id: "${signInModule}", input: { name: "a", issuer: "a", clientId: "a" })`,
  ),
  updateTemplate: mutation(
    'AS',
    ({ template }) => `(id: "${template}", input: { name: "!", repository: { url: "a" } })`,
  ),
  updateWebhook: mutation('S', ({ webhook }) => `(id: "${webhook}", input: { name: "a", url: "a", events: [] })`),
  withdrawInvitation: onThing('S', 'invitation'),
};

const SUBSCRIPTIONS: Record<string, Row> = {
  environmentChanged: { allowed: 'VWAUSvps', call: ({ environment }) => `(id: "${environment}") { id }` },
  environmentLog: { allowed: 'VWAUS', call: ({ environment }) => `(id: "${environment}") { __typename }` },
  environmentsChanged: {
    allowed: 'W',
    call: () => '{ environments { id } }',
    sees: holds('environment'),
  },
  inboxChanged: { allowed: 'W', call: () => '{ newest { id } }', sees: holds('notification') },
  placementsChanged: plain('P', ''),
  platformChanged: { allowed: EVERYBODY, call: ({ platform }) => `(id: "${platform}") { id }` },
  platformsChanged: list(EVERYBODY, 'platform'),
  sharedEnvironmentsChanged: list('vps', 'environment'),
};

/** Who is given each type by `node(id)`. */
const NODES: Record<string, { key: Key; allowed: string }> = {
  ApiToken: { key: 'apiToken', allowed: 'WS' },
  ClientCredential: { key: 'clientCredential', allowed: 'S' },
  AuditEntry: { key: 'auditEntry', allowed: 'US' },
  Environment: { key: 'environment', allowed: 'VWAUSvps' },
  Group: { key: 'group', allowed: 'US' },
  InstanceType: { key: 'instanceType', allowed: EVERYBODY },
  Invitation: { key: 'invitation', allowed: 'US' },
  Notification: { key: 'notification', allowed: 'W' },
  Platform: { key: 'platform', allowed: EVERYBODY },
  Role: { key: 'role', allowed: 'US' },
  Session: { key: 'session', allowed: 'W' },
  SignInModule: { key: 'signInModule', allowed: 'US' },
  Share: { key: 'share', allowed: 'VWAUSv' },
  Snapshot: { key: 'snapshot', allowed: 'WUS' },
  SshKey: { key: 'sshKey', allowed: 'W' },
  Template: { key: 'template', allowed: 'VDWAUS' },
  User: { key: 'user', allowed: 'US' },
  Webhook: { key: 'webhook', allowed: 'S' },
};

let server: TestServer;
let headers: Record<Exclude<Role, 'W'>, Record<string, string>>;
let shared: World;
let guests: Record<keyof typeof GUESTS, User>;

/** A world in which the user has an account of the sign-in module. */
async function newWorld(): Promise<World> {
  const world = await newThings();
  const { signInModule: moduleId, user: userId } = world;
  await server.db.identity.create({ data: { moduleId, subject: 'a', userId } });
  return world;
}

async function newThings(): Promise<World> {
  const { services, sessions } = server.app;
  const tail = () => newId('event').slice(-10);
  const administrator = server.administrator;
  const owner = await server.newUser();
  const environment = await services.environments.create(owner, { name: `e-${tail()}`, template: 'sample' });
  const { token: _token, ...cluster } = await server.newCluster();
  await server.db.sshKey.create({
    data: {
      id: newId('sshKey'),
      userId: owner.userId,
      name: 'a',
      publicKey: tail(),
      algorithm: 'a',
      fingerprint: tail(),
    },
  });
  const snapshot = newId('snapshot');
  const { platformId, id: environmentId } = environment;
  const taken = { id: snapshot, environmentId, ownerId: owner.userId, platformId, name: 'a', state: 'ready' };
  await server.db.snapshot.create({ data: taken });
  await sessions.open(owner.userId, { address: '', userAgent: null });
  const [session] = await server.db.session.findMany({
    where: { userId: owner.userId },
    orderBy: { id: 'desc' },
    take: 1,
  });
  const [sshKey] = await server.db.sshKey.findMany({
    where: { userId: owner.userId },
    orderBy: { id: 'desc' },
    take: 1,
  });
  const template = await services.templates.create(administrator, {
    name: `t-${tail()}`,
    repository: { url: 'https://git.example.com/a.git' },
  });
  await services.notifications.tellNow({
    userId: owner.userId,
    kind: 'shareReceived',
    values: { name: 'a', by: 'b' },
  });
  // What earlier worlds have shared would fill the lists of these guests.
  const earlier = { endedAt: null, environmentId: { not: (shared as World | undefined)?.environment ?? '' } };
  await server.db.share.updateMany({ where: earlier, data: { endedAt: new Date() } });
  const shares = Object.entries(GUESTS).map(([name, { access }]) => ({
    id: newId('share'),
    environmentId: environment.id,
    userId: guests[name as keyof typeof GUESTS].userId,
    createdById: owner.userId,
    access,
    ports: access === 'ports' ? [1] : [],
  }));
  await server.db.share.createMany({ data: shares });
  const service = await services.userAdmin.createServiceAccount(administrator, { login: `s${tail()}`, name: 's' });
  const webhook = await services.webhooks.create(administrator, {
    name: tail(),
    url: 'https://127.0.0.1/',
    events: ['user.disabled'],
  });
  const webhookDelivery = newId('webhookDelivery');
  const told = { id: webhookDelivery, webhookId: webhook.webhook.id, event: 'user.disabled', body: '{}' };
  await server.db.webhookDelivery.create({ data: { ...told, runAt: new Date(), createdAt: new Date() } });
  return {
    owner,
    environment: environment.id,
    snapshot,
    template: template.id,
    instanceType: (await services.instanceTypes.create(administrator, { name: `i-${tail()}` })).id,
    platform: cluster.id,
    sshKey: sshKey?.id ?? '',
    apiToken: (await services.apiTokens.create(owner, { name: 'a' })).apiToken.id,
    clientCredential: (await services.clientCredentials.create(administrator, { owner: service.id, name: 'a' }))
      .credential.id,
    session: session?.id ?? '',
    signInModule: (
      await services.signInModules.create(administrator, {
        name: `m-${tail()}`,
        secret: 's',
        settings: { kind: 'oidc', issuer: 'https://id.example.com', clientId: 'a' },
      })
    ).id,
    invitation: (await services.invitations.create(administrator, { name: 'a' })).invitation.id,
    notification: (await server.db.notification.findFirstOrThrow({ where: { userId: owner.userId } })).id,
    namespace: await services.namespaces.defaultId(),
    auditEntry: (await server.db.auditEntry.findFirstOrThrow()).id,
    user: (await server.newUser()).userId,
    group: (await services.groupAdmin.create(administrator, { name: tail(), roles: [{ systemRole: 'auditor' }] })).id,
    role: (
      await services.roles.create(administrator, { name: tail(), scope: 'namespace', permissions: ['template.view'] })
    ).id,
    service: service.id,
    share: shares[0]?.id ?? '',
    webhook: webhook.webhook.id,
    webhookDelivery,
    // From an address of its own: one address begins only so many.
    device: (await services.deviceSignIns.begin({ name: 'a', address: tail() })).userCode,
  };
}

async function byRole(): Promise<User> {
  const { roles, userAdmin } = server.app.services;
  const permissions = [...NAMESPACE_ROLES.viewer];
  const role = await roles.create(server.administrator, { name: 'own', scope: 'namespace', permissions });
  const user = await server.newUser({ role: null });
  await userAdmin.setRoles(server.administrator, user.userId, { custom: [{ role: role.id }] });
  return user;
}

async function byGroup(): Promise<User> {
  const { groupAdmin } = server.app.services;
  const user = await server.newUser({ role: null });
  const group = await groupAdmin.create(server.administrator, { name: 'dev', roles: [{ role: 'developer' }] });
  await groupAdmin.changeMembers(server.administrator, group.id, { add: [user.userId] });
  return user;
}

/** Every case has a world of its own, and there is a limit to how many of these there may be. Ids sort by time of birth. */
afterEach(async () => {
  const { db } = server;
  await db.signInModule.deleteMany({ where: { id: { gt: shared.signInModule } } });
  await db.invitation.deleteMany({ where: { id: { gt: shared.invitation } } });
  await db.role.deleteMany({ where: { id: { gt: shared.role } } });
  await db.group.deleteMany({ where: { id: { gt: shared.group } } });
  await db.webhook.deleteMany({ where: { id: { gt: shared.webhook } } });
});
beforeAll(async () => {
  // A webhook that is tried out finds nobody, at once.
  server = await openServer(suiteDatabase(), { EASEL_OUTBOUND_ALLOWED_NETWORKS: '127.0.0.1' });
  const disabled = await server.newUser({ systemRole: 'administrator' });
  await server.app.services.userAdmin.setDisabled(server.administrator, disabled.userId, true);
  const [v, p, s] = [0, 1, 2].map(() => server.newUser({ role: null }));
  guests = { v: await v!, p: await p!, s: await s! };
  headers = {
    N: {},
    P: { authorization: `Bearer ${(await server.newCluster()).token}` },
    X: disabled.headers,
    O: (await server.newUser({ role: null })).headers,
    V: (await server.newUser({ role: 'viewer' })).headers,
    D: (await server.newUser()).headers,
    A: (await server.newUser({ role: 'administrator' })).headers,
    C: (await byRole()).headers,
    G: (await byGroup()).headers,
    U: (await server.newUser({ role: null, systemRole: 'auditor' })).headers,
    S: (await server.newUser({ role: null, systemRole: 'administrator' })).headers,
    v: guests.v.headers,
    p: guests.p.headers,
    s: guests.s.headers,
  };
  shared = await newWorld();
});
afterAll(() => server.close());

const CLOSED = ['UNAUTHENTICATED', 'FORBIDDEN', 'NOT_FOUND'];
interface Answered {
  data?: Record<string, unknown> | null;
  errors: readonly { extensions?: { code?: unknown } }[];
}

/** Refused for who asks; a refusal for what is asked comes only after that. Anything unforeseen fails the test. */
function isLetIn({ data, errors }: Answered, { sees }: Row, world: World): boolean {
  const [error] = errors;
  if (error) {
    expect(CLOSED).toContain(error.extensions?.code);
    return false;
  }
  const answer = Object.values(data ?? {})[0];
  if (answer === null || answer === undefined) return false;
  if (CLOSED.includes((answer as { code?: string }).code ?? '')) return false;
  return sees?.(answer, world) ?? true;
}

async function letIn(operation: string, [name, row]: [string, Row], makeWorld: () => Promise<World>): Promise<string> {
  let allowed = '';
  let world: World | null = null;
  for (const role of ALL) {
    world ??= await makeWorld();
    const answer = await server.ask(`${operation} { ${name}${row.call(world)} }`, {}, headersOf(role, world));
    if (!isLetIn(answer, row, world)) continue;
    allowed += role;
    // It may be used up by that; whoever is refused leaves it as it was.
    world = null;
  }
  return allowed;
}

const headersOf = (role: Role, { owner }: World) => (role === 'W' ? owner.headers : headers[role]);
const inOrder = (roles: string) => ALL.filter((role) => roles.includes(SAME[role] ?? role)).join('');

async function fieldsOf(type: string): Promise<string[]> {
  const { data } = await server.ask(`{ __type(name: "${type}") { fields { name } } }`);
  return data.__type.fields.map(({ name }: { name: string }) => name).sort();
}

describe('every field lets in the roles of its row, and nobody else:', () => {
  it('the rows are those of the schema', async () => {
    expect(Object.keys(QUERIES).sort()).toEqual(await fieldsOf('Query'));
    expect(Object.keys(MUTATIONS).sort()).toEqual(await fieldsOf('Mutation'));
    expect(Object.keys(SUBSCRIPTIONS).sort()).toEqual(await fieldsOf('Subscription'));
    const { data } = await server.ask('{ __type(name: "Node") { possibleTypes { name } } }');
    const types = data.__type.possibleTypes.map(({ name }: { name: string }) => name).sort();
    expect(Object.keys(NODES).sort()).toEqual(types);
  });

  it.each(Object.entries(QUERIES))('query %s', async (name, row) => {
    expect(await letIn('query', [name, row], async () => shared)).toBe(inOrder(row.allowed));
  });

  it.each(Object.entries(MUTATIONS))('mutation %s', async (name, row) => {
    expect(await letIn('mutation', [name, row], newWorld)).toBe(inOrder(row.allowed));
  });

  it.each(Object.entries(NODES))('node of %s', async (_type, { key, allowed }) => {
    const row: Row = { allowed, call: (world) => `(id: "${world[key]}") { id }` };
    expect(await letIn('query', ['node', row], async () => shared)).toBe(inOrder(allowed));
  });

  it.each(Object.entries(SUBSCRIPTIONS))('subscription %s', async (name, row) => {
    let allowed = '';
    for (const role of ALL) {
      const answer = await firstOf(role, `subscription { ${name}${row.call(shared)} }`);
      if (isLetIn(answer, row, shared)) allowed += role;
    }
    expect(allowed).toBe(inOrder(row.allowed));
  });
});

/** Who is told each field of a user when he owns what they may see: many see the owner, few may see all users. */
const OF_THE_OWNER: Record<string, string> = {
  createdAt: 'VWAUSvps',
  disabledAt: 'US',
  email: 'WUS',
  emailVerifiedAt: 'WUS',
  groups: 'WUS',
  hasPassword: 'WUS',
  hasSecondFactor: 'WUS',
  id: 'VWAUSvps',
  isAdministrator: 'VWAUSvps',
  kind: 'VWAUSvps',
  language: 'W',
  login: 'VWAUSvps',
  name: 'VWAUSvps',
  permissionSources: 'WUS',
  permissions: 'W',
  role: 'WUS',
  roles: 'WUS',
  systemRole: 'WUS',
};

/** Fields that not everybody is told who is given the object by its id. */
const OF_NODES: Record<string, string> = {
  'Environment.mayShare': 'W',
  'Environment.myShare': 'vps',
  'Environment.shares': 'VWAUS',
  'Environment.snapshots': 'WUS',
  'Environment.template': 'VWAUS',
  'Platform.settings': 'US',
  'User.permissions': '',
};

/** Something that says more than that there is nothing; `false` does not, where the owner has what is asked for. */
const isTold = (value: unknown): boolean =>
  value !== null && value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0);

interface TypeRef {
  kind: string;
  ofType: TypeRef | null;
}

/** What can be asked of a type without an argument, each with the least selection. */
async function selectionsOf(type: string): Promise<Map<string, string>> {
  const ref = 'kind ofType { kind ofType { kind ofType { kind } } }';
  const { data } = await server.ask(
    `{ __type(name: "${type}") { fields { name args { defaultValue type { kind } } type { ${ref} } } } }`,
  );
  const inner = ({ kind, ofType }: TypeRef): string => (ofType ? inner(ofType) : kind);
  const isFree = ({ args }: { args: { defaultValue: unknown; type: TypeRef }[] }) =>
    args.every((arg) => arg.type.kind !== 'NON_NULL' || arg.defaultValue !== null);
  return new Map(
    data.__type.fields
      .filter(isFree)
      .map(({ name, type }: { name: string; type: TypeRef }) => [
        name,
        ['OBJECT', 'INTERFACE', 'UNION'].includes(inner(type)) ? `${name} { __typename }` : name,
      ]),
  );
}

/** The owner of an environment who has something in every field. */
async function newOwner(isDisabled: boolean): Promise<World> {
  const world = await newWorld();
  const { services } = server.app;
  const { userId } = world.owner;
  await services.users.setPassword(world.owner, { password: 'correct horse battery' });
  const email = `${userId}@example.com`;
  const fields = { email, emailVerifiedAt: new Date(), language: 'en', isAuditor: true };
  await server.db.user.update({ where: { id: userId }, data: fields });
  await server.db.totpFactor.create({ data: { userId, sealedSecret: 'sealed' } });
  const group = await services.groupAdmin.create(server.administrator, {
    name: userId,
    roles: [{ systemRole: 'administrator' }],
  });
  await services.groupAdmin.changeMembers(server.administrator, group.id, { add: [userId] });
  if (isDisabled) await services.userAdmin.setDisabled(server.administrator, userId, true);
  return world;
}

describe('every field of an object tells the roles of its row, and nobody else:', () => {
  it('of a user who owns something', async () => {
    expect(Object.keys(OF_THE_OWNER).sort()).toEqual(await fieldsOf('User'));
    // The last world is the one whose guests have something.
    const [disabled, there] = [await newOwner(true), await newOwner(false)];
    const selections = await selectionsOf('User');
    const told: Record<string, string> = {};
    for (const name of Object.keys(OF_THE_OWNER)) {
      const world = name === 'disabledAt' ? disabled : there;
      const document = `{ environment(id: "${world.environment}") { owner { ${selections.get(name)} } } }`;
      const answers = await Promise.all(ALL.map((role) => server.ask(document, {}, headersOf(role, world))));
      told[name] = ALL.filter((_role, at) => isTold(answers[at]?.data?.environment?.owner?.[name])).join('');
    }
    const expected = Object.entries(OF_THE_OWNER).map(([name, roles]) => [name, inOrder(roles)]);
    expect(told).toEqual(Object.fromEntries(expected));
  });

  it.each(Object.entries(NODES))('of %s', async (type, { key, allowed }) => {
    const told: Record<string, string> = {};
    const expected: Record<string, string> = {};
    for (const [name, selection] of await selectionsOf(type)) {
      const document = `{ node(id: "${shared[key]}") { ... on ${type} { ${selection} } } }`;
      const answers = await Promise.all(ALL.map((role) => server.ask(document, {}, headersOf(role, shared))));
      const toldTo = ALL.filter((_role, at) => isTold(answers[at]?.data?.node?.[name])).join('');
      // What is empty in this world tells nothing to anybody.
      if (toldTo === '') continue;
      told[name] = toldTo;
      expected[name] = inOrder(OF_NODES[`${type}.${name}`] ?? allowed);
    }
    expect(told).toEqual(expected);
  });
});

/** The first event, or what it was refused with; a socket that is refused as a whole counts as UNAUTHENTICATED. */
async function firstOf(role: Role, query: string): Promise<Answered> {
  const token = headersOf(role, shared).authorization?.slice('Bearer '.length);
  const client = createClient({
    url: `${server.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    connectionParams: token === undefined ? {} : { token },
  });
  try {
    for await (const { data, errors } of client.iterate({ query })) {
      return { data: (data ?? null) as Answered['data'] & {}, errors: errors ?? [] };
    }
    return { data: null, errors: [] };
  } catch (err) {
    if (Array.isArray(err)) return { data: null, errors: err };
    expect([4401, 4403]).toContain((err as { code?: number }).code);
    return { data: null, errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] };
  } finally {
    await client.dispose();
  }
}
