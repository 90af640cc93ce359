/** The server's middle, wired by hand: everything between the database and the sockets. `main.ts` and suites use it. */
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import type { UserId } from '@easel/schema/ids';
import { SshAccessService } from './access/ssh-access.service.ts';
import { TicketAccessService } from './access/ticket-access.service.ts';
import { AuditService } from './audit/audit.service.ts';
import { Authentication } from './authentication.ts';
import type { Config } from './config.ts';
import type { Services } from './context.ts';
import { type Database, reading, type Tx } from './db.ts';
import { DeviceSignInService } from './device-sign-in/device-sign-in.service.ts';
import { CleanupService } from './environment/cleanup.service.ts';
import { createFacts } from './environment/environment.facts.ts';
import { EnvironmentService } from './environment/environment.service.ts';
import type { EnvironmentFacts } from './environment/facts.ts';
import { ExplainService } from './explain/explain.service.ts';
import { GroupService } from './group/group.service.ts';
import { GroupAdminService } from './group/group-admin.service.ts';
import { InstanceTypeService } from './instance-type/instance-type.service.ts';
import { notifyInTransaction } from './live/notify.ts';
import { createLogReader } from './log/log-reader.ts';
import { MailService } from './mail/mail.service.ts';
import { NamespaceService } from './namespace/namespace.service.ts';
import { NotificationService } from './notification/notification.service.ts';
import type { ObjectStore } from './objects/objects.ts';
import { Outbound } from './outbound/outbound.ts';
import { PlatformService } from './platform/platform.service.ts';
import { PlatformAdminService, type PlatformContents } from './platform/platform-admin.service.ts';
import { SchedulerService } from './platform/scheduler.service.ts';
import { lastBeat } from './presence/last-beat.ts';
import { RoleService } from './role/role.service.ts';
import { ScimGroupService } from './scim/scim-group.service.ts';
import { ScimUserService } from './scim/scim-user.service.ts';
import { FactorAttempts } from './second-factor/factor-attempts.ts';
import { FactorPolicyService } from './second-factor/factor-policy.service.ts';
import { LocalSignIn } from './second-factor/local-sign-in.ts';
import { PasskeyService } from './second-factor/passkey.service.ts';
import { SecondFactorService } from './second-factor/second-factor.service.ts';
import { ServerKey } from './server-key.ts';
import { ShareService } from './share/share.service.ts';
import { SharedWithService } from './share/shared-with.service.ts';
import { AccountLinks } from './sign-in/account-links.ts';
import { Arrivals } from './sign-in/arrival.ts';
import { GithubProvider } from './sign-in/github.ts';
import { IdentityService } from './sign-in/identity.service.ts';
import { LdapSignIn } from './sign-in/ldap.ts';
import { Directories } from './sign-in/ldap-directory.ts';
import { OidcProvider } from './sign-in/oidc.ts';
import { PROVIDER_LIMITS } from './sign-in/outbound-limits.ts';
import { ProviderCheck } from './sign-in/provider-check.ts';
import { RedirectSignIn } from './sign-in/redirect.ts';
import { SamlSignIn } from './sign-in/saml.ts';
import { SamlModuleService } from './sign-in/saml-module.service.ts';
import { SignInModuleService } from './sign-in/sign-in-module.service.ts';
import { SnapshotService } from './snapshot/snapshot.service.ts';
import { tellOfSnapshots } from './snapshot/snapshot-news.ts';
import { SnapshotSchedulerService } from './snapshot/snapshot-scheduler.service.ts';
import { SshAuthorities } from './ssh-ca/ssh-authorities.ts';
import { SshCaService } from './ssh-ca/ssh-ca.service.ts';
import { TemplateService } from './template/template.service.ts';
import { TicketService } from './ticket/ticket.service.ts';
import { ApiTokenService } from './user/api-token.service.ts';
import { ClientCredentialService } from './user/client-credential.service.ts';
import { EmailService } from './user/email.service.ts';
import { ForgotPasswordService } from './user/forgot-password.service.ts';
import { InvitationService } from './user/invitation.service.ts';
import { KnownDevices } from './user/known-devices.ts';
import { SessionService } from './user/session.service.ts';
import { SignInAttempts } from './user/sign-in-attempts.ts';
import { SshKeyService } from './user/ssh-key.service.ts';
import { UserService } from './user/user.service.ts';
import { UserAdminService } from './user/user-admin.service.ts';
import { WebhookService } from './webhook/webhook.service.ts';

export interface App {
  authentication: Authentication;
  clock: Clock;
  facts: EnvironmentFacts;
  scim: { users: ScimUserService; groups: ScimGroupService };
  services: Services;
  localSignIn: LocalSignIn;
  passkeys: PasskeyService;
  saml: SamlSignIn;
  oidc: OidcProvider;
  providerCheck: ProviderCheck;
  sessions: SessionService;
  sshAuthorities: SshAuthorities;
  tickets: TicketService;
}

export interface AppParts {
  config: Config;
  database: Database;
  objects: ObjectStore;
  clock: Clock;
  log: Log;
}

export function createApp({ config, database, objects, clock, log }: AppParts): App {
  const { db, pool } = database;
  const audit = new AuditService({ db, objects, clock, log });
  const key = new ServerKey(config.EASEL_SECRET_KEY, config.EASEL_SECRET_KEYS_OTHER);
  const outbound = new Outbound(config.outbound);
  const webhooks = new WebhookService({ db, key, clock, outbound });
  const tickets = new TicketService({ db, key, clock });
  const platforms = new PlatformService({ db, clock });
  const instanceTypes = new InstanceTypeService({ db, clock });
  const shared = new SharedWithService({ db, clock, groups: () => groups, isOn: config.EASEL_SHARING });
  /** Who may come in, or what is shared with whom, has changed: the workers look, and so do those who watch what is shared. */
  const tellWorkersOf = async (tx: Tx, userIds: readonly UserId[]) => {
    const own = await environments.idsWithWorker(tx, userIds);
    const others = await shared.concerning(tx, userIds);
    await notifyInTransaction(tx, { workers: [...own, ...others], guests: userIds });
  };
  const tellWorkers = (tx: Tx, userId: UserId) => tellWorkersOf(tx, [userId]);
  const namespaces: NamespaceService = new NamespaceService({
    db,
    clock,
    onDelete: (tx, id) => roles.removeGrantsIn(tx, id),
  });
  const roles = new RoleService({ db, namespaces, onAccessChanged: tellWorkersOf });
  const attempts = new SignInAttempts(clock);
  const users: UserService = new UserService({
    db,
    namespaces,
    clock,
    attempts,
    hasSecondFactor: (userId) => factors.hasAny(userId),
    onCreated: (tx, { id, login, kind, createdAt: at }) =>
      webhooks.tell(tx, { type: 'user.created', at, data: { user: { id, login, kind } }, key: id }),
    onPasswordChanged: async (tx, userId, keepId) => {
      await sessions.revokeOthers(tx, userId, keepId);
      if (keepId !== null) await sessions.renewSoon(tx, keepId);
      const when = new Date(clock.now()).toISOString();
      await notifications.tell(tx, { userId, kind: 'passwordChanged', values: { when } });
    },
  });
  const mails = new MailService({ db, key, clock, smtp: config.smtp, publicUrl: config.EASEL_PUBLIC_URL ?? null });
  const notifications: NotificationService = new NotificationService({ db, clock, users, mails });
  const templates = new TemplateService({ db, clock, instanceTypes, namespaces });
  const devices = new KnownDevices({ notifications });
  const sessions: SessionService = new SessionService({
    db,
    users,
    clock,
    attempts,
    audit,
    devices,
    directories: (given) => ldap.find(given),
    onEnded: tellWorkers,
    mayStay: async (userId) => !(await factorPolicy.requires(userId)) || (await factors.hasAny(userId)),
  });
  const factorPolicy = new FactorPolicyService({
    db,
    clock,
    endSessions: async (tx, userIds) => void (await sessions.revokeByPassword(tx, userIds)),
  });
  const factors: SecondFactorService = new SecondFactorService({
    db,
    key,
    clock,
    users,
    sessions,
    policy: factorPolicy,
    onChanged: (tx, userId, what) => {
      const when = new Date(clock.now()).toISOString();
      return notifications.tell(tx, { userId, kind: 'secondFactorChanged', values: { what, when } });
    },
    issuer: `Easel (${new URL(config.EASEL_PUBLIC_URL ?? 'http://localhost').host})`,
  });
  const passkeys = new PasskeyService({ db, clock, log });
  const localSignIn = new LocalSignIn({ db, clock, users, sessions, factors, passkeys, policy: factorPolicy });
  const userAdmin = new UserAdminService({
    db,
    clock,
    mails,
    users,
    sessions,
    namespaces,
    roles,
    onAccessChanged: tellWorkers,
    onDisabled: (tx, { id, login }) =>
      webhooks.tell(tx, { type: 'user.disabled', at: new Date(clock.now()), data: { user: { id, login } } }),
  });
  const apiTokens = new ApiTokenService({
    db,
    clock,
    audit,
    maxDays: config.EASEL_TOKEN_MAX_DAYS,
    onEnded: tellWorkers,
    serviceAccount: (actor, id) => userAdmin.serviceAccount(actor, id),
  });
  const environments: EnvironmentService = new EnvironmentService({
    db,
    key,
    namespaces,
    templates,
    platforms,
    instanceTypes,
    snapshots: () => snapshots,
    users,
    shared,
    clock,
    limits: { stopSeconds: config.EASEL_STOP_SECONDS, maxPerUser: config.EASEL_MAX_ENVIRONMENTS_PER_USER },
    lastBeat: (id) => reading(() => lastBeat(pool, id)),
  });
  const snapshots: SnapshotService = new SnapshotService({
    db,
    clock,
    environments,
    platforms,
    users,
    limits: { maxPerUser: config.EASEL_MAX_SNAPSHOTS_PER_USER },
  });
  const sshKeys = new SshKeyService({
    db,
    clock,
    onChanged: tellWorkers,
  });
  const sshAuthorities = new SshAuthorities({ db, key, clock });
  const sshCa = new SshCaService({ authorities: sshAuthorities, environments, clock });
  const facts = createFacts({
    db,
    key,
    tickets,
    platforms,
    users,
    sshKeys,
    shared,
    sshAuthorities,
    clock,
    limits: {
      stopSeconds: config.EASEL_STOP_SECONDS,
      graceSeconds: config.EASEL_GRACE_SECONDS,
      goneGraceSeconds: config.EASEL_GONE_GRACE_SECONDS,
    },
    defaultImage: config.EASEL_DEFAULT_IMAGE ?? null,
  });
  const scheduler = new SchedulerService({
    db,
    key,
    environments,
    clock,
    limits: {
      goneGraceSeconds: config.EASEL_GONE_GRACE_SECONDS,
      registerSeconds: config.EASEL_REGISTER_SECONDS,
      stopSeconds: config.EASEL_STOP_SECONDS,
    },
  });
  const fetchProvider = outbound.fetchNamed(PROVIDER_LIMITS);
  const directories = new Directories({ addressOf: (url) => outbound.addressOf(url, PROVIDER_LIMITS) });
  const signInModules = new SignInModuleService({
    db,
    key,
    clock,
    directories,
    endSessions: (tx, moduleId) => sessions.revokeOfModule(tx, moduleId, null),
  });
  const groups: GroupService = new GroupService({ db, audit, users, onAccessChanged: tellWorkersOf });
  const groupAdmin = new GroupAdminService({ db, roles, modules: signInModules, onAccessChanged: tellWorkersOf });
  const samlModules = new SamlModuleService({
    db,
    key,
    clock,
    log,
    modules: signInModules,
    fetch: fetchProvider,
  });
  const arrivals: Arrivals = new Arrivals({ db, key, audit, clock, groups, users, sessions });
  const accountLinks = new AccountLinks({ key, clock, modules: signInModules });
  const ldap = new LdapSignIn({ db, clock, log, attempts, directories, modules: signInModules, users, arrivals });
  const oidc = new OidcProvider({
    log,
    fetch: fetchProvider,
    onUnreachable: ({ id, name }, problem) => {
      const day = new Date(clock.now()).toISOString().slice(0, 10);
      const told = {
        kind: 'providerUnreachable' as const,
        thingId: id,
        values: { name, problem },
        key: `${id} ${day}`,
      };
      return notifications.tellNow({ everyAdministrator: true, ...told });
    },
  });
  const github = new GithubProvider({ log, fetch: fetchProvider });
  const modules = signInModules;
  const providers = { oidc, github };
  const redirectSignIn = new RedirectSignIn({ db, key, clock, log, modules, links: accountLinks, arrivals, providers });
  const providerCheck = new ProviderCheck({
    db,
    key,
    clock,
    log,
    audit,
    directories,
    modules,
    users,
    sessions,
    oidc,
    github,
  });
  const services: Services = {
    apiTokens,
    audit,
    emails: new EmailService({ db, clock, users, mails }),
    cleanup: new CleanupService({
      db,
      clock,
      log,
      environments,
      users,
      notifications,
      audit,
      policy: config.EASEL_CLEANUP_DAYS
        ? { days: config.EASEL_CLEANUP_DAYS, noticeDays: config.EASEL_CLEANUP_NOTICE_DAYS }
        : null,
    }),
    clientCredentials: new ClientCredentialService({
      db,
      clock,
      audit,
      attempts,
      serviceAccount: (actor, id) => userAdmin.serviceAccount(actor, id),
      onEnded: tellWorkers,
    }),
    deviceSignIns: new DeviceSignInService({
      db,
      clock,
      key,
      audit,
      apiTokens,
      attempts: new FactorAttempts(clock),
      notifications,
    }),
    environments,
    factorPolicy,
    factors,
    explain: new ExplainService({ db, users, environments, templates, namespaces, shared }),
    forgotPassword: new ForgotPasswordService({
      db,
      clock,
      log,
      users,
      mails,
      attempts,
      audit,
      hasOtherWay: (tx, userId) => arrivals.isKnown(tx, userId),
    }),
    groupAdmin,
    groups,
    identities: new IdentityService({
      db,
      users,
      sessions,
      hasPasskey: async (userId) => (await factors.ways(userId)).includes('passkey'),
    }),
    instanceTypes,
    invitations: new InvitationService({
      db,
      clock,
      users,
      attempts,
      mails,
      notifications,
      namespaces,
      groups: groupAdmin,
      onInvited: (tx, { invitation: { id, name, createdAt: at }, by }) =>
        webhooks.tell(tx, {
          type: 'user.invited',
          at,
          data: { invitation: { id, name }, by: { id: by.id, login: by.login } },
          key: id,
        }),
    }),
    mails,
    namespaces,
    notifications,
    logs: createLogReader({ database: pool, objects }),
    platformAdmin: new PlatformAdminService({
      db,
      clock,
      platforms,
      contents: contentsOf({ environments, snapshots }),
    }),
    platforms,
    samlModules,
    roles,
    accountLinks,
    ldapSignIn: ldap,
    redirectSignIn,
    scheduler,
    sessions,
    shared,
    shares: new ShareService({
      db,
      clock,
      log,
      isOn: config.EASEL_SHARING,
      environments,
      users,
      groups,
      audit,
      notifications,
    }),
    signInModules,
    snapshots,
    snapshotScheduler: new SnapshotSchedulerService({
      db,
      clock,
      onEnded: tellOfSnapshots({ environments, notifications, webhooks }),
    }),
    sshAccess: new SshAccessService({
      sshKeys,
      sshCa,
      credentials: { session: (id) => sessions.actorOf(id), apiToken: (id) => apiTokens.actorOf(id) },
      environments,
      platforms,
      tickets,
      audit,
      shared,
    }),
    sshCa,
    sshKeys,
    templates,
    ticketAccess: new TicketAccessService({ environments, platforms, tickets, shared }),
    userAdmin,
    users,
    webhooks,
  };
  const scim = {
    users: new ScimUserService({ db, clock, users, userAdmin }),
    groups: new ScimGroupService({ db, groups: groupAdmin }),
  };
  const authentication = new Authentication({
    audit,
    db,
    platforms,
    apiTokens,
    sessions,
    isSecure: config.EASEL_PUBLIC_URL?.startsWith('https:') ?? false,
  });
  const saml = new SamlSignIn({
    db,
    key,
    clock,
    log,
    modules: signInModules,
    samlModules,
    links: accountLinks,
    arrivals,
    attempts,
  });
  return {
    authentication,
    clock,
    facts,
    localSignIn,
    oidc,
    passkeys,
    providerCheck,
    saml,
    scim,
    services,
    sessions,
    sshAuthorities,
    tickets,
  };
}

/** What lies on a platform that only its scheduler can delete. */
function contentsOf(parts: { environments: EnvironmentService; snapshots: SnapshotService }): PlatformContents {
  const { environments, snapshots } = parts;
  return {
    async count(tx, id) {
      const words = (count: number, word: string) => (count > 0 ? [`${count} ${word}${count === 1 ? '' : 's'}`] : []);
      const environmentCount = (await environments.countsOnPlatforms([id], tx)).get(id) ?? 0;
      return [...words(environmentCount, 'environment'), ...words(await snapshots.countOnPlatform(tx, id), 'snapshot')];
    },
    async abandon(id, by) {
      await environments.abandonOnPlatform(id, by);
      await snapshots.abandonOnPlatform(id);
    },
  };
}
