/** What every resolver gets. Built once per HTTP request, and once per execution on a socket. */
import type { Log } from '@easel/kit/log';
import type { SshAccessService } from './access/ssh-access.service.ts';
import type { TicketAccessService } from './access/ticket-access.service.ts';
import type { Actor } from './actor.ts';
import type { AuditService } from './audit/audit.service.ts';
import type { Db } from './db.ts';
import type { DeviceSignInService } from './device-sign-in/device-sign-in.service.ts';
import type { EnvironmentService } from './environment/environment.service.ts';
import type { ExplainService } from './explain/explain.service.ts';
import type { GroupService } from './group/group.service.ts';
import type { GroupAdminService } from './group/group-admin.service.ts';
import type { InstanceTypeService } from './instance-type/instance-type.service.ts';
import type { Live } from './live/live.ts';
import type { LogReader } from './log/log-reader.ts';
import type { MailService } from './mail/mail.service.ts';
import type { NamespaceService } from './namespace/namespace.service.ts';
import type { NotificationService } from './notification/notification.service.ts';
import type { PlatformService } from './platform/platform.service.ts';
import type { PlatformAdminService } from './platform/platform-admin.service.ts';
import type { SchedulerService } from './platform/scheduler.service.ts';
import type { RoleService } from './role/role.service.ts';
import type { FactorPolicyService } from './second-factor/factor-policy.service.ts';
import type { SecondFactorService } from './second-factor/second-factor.service.ts';
import type { ShareService } from './share/share.service.ts';
import type { SharedWithService } from './share/shared-with.service.ts';
import type { IdentityService } from './sign-in/identity.service.ts';
import type { RedirectSignIn } from './sign-in/redirect.ts';
import type { SamlModuleService } from './sign-in/saml-module.service.ts';
import type { SignInModuleService } from './sign-in/sign-in-module.service.ts';
import type { SnapshotService } from './snapshot/snapshot.service.ts';
import type { SnapshotSchedulerService } from './snapshot/snapshot-scheduler.service.ts';
import type { SshCaService } from './ssh-ca/ssh-ca.service.ts';
import type { TemplateService } from './template/template.service.ts';
import type { ApiTokenService } from './user/api-token.service.ts';
import type { ClientCredentialService } from './user/client-credential.service.ts';
import type { EmailService } from './user/email.service.ts';
import type { ForgotPasswordService } from './user/forgot-password.service.ts';
import type { InvitationService } from './user/invitation.service.ts';
import type { SessionService } from './user/session.service.ts';
import type { SshKeyService } from './user/ssh-key.service.ts';
import type { UserService } from './user/user.service.ts';
import type { UserAdminService } from './user/user-admin.service.ts';
import type { WebhookService } from './webhook/webhook.service.ts';

export interface Services {
  apiTokens: ApiTokenService;
  audit: AuditService;
  clientCredentials: ClientCredentialService;
  deviceSignIns: DeviceSignInService;
  environments: EnvironmentService;
  explain: ExplainService;
  groupAdmin: GroupAdminService;
  factorPolicy: FactorPolicyService;
  factors: SecondFactorService;
  groups: GroupService;
  identities: IdentityService;
  instanceTypes: InstanceTypeService;
  emails: EmailService;
  forgotPassword: ForgotPasswordService;
  invitations: InvitationService;
  logs: LogReader;
  mails: MailService;
  namespaces: NamespaceService;
  notifications: NotificationService;
  platformAdmin: PlatformAdminService;
  platforms: PlatformService;
  roles: RoleService;
  redirectSignIn: RedirectSignIn;
  scheduler: SchedulerService;
  samlModules: SamlModuleService;
  sessions: SessionService;
  shared: SharedWithService;
  shares: ShareService;
  signInModules: SignInModuleService;
  snapshots: SnapshotService;
  snapshotScheduler: SnapshotSchedulerService;
  sshAccess: SshAccessService;
  sshCa: SshCaService;
  sshKeys: SshKeyService;
  templates: TemplateService;
  ticketAccess: TicketAccessService;
  userAdmin: UserAdminService;
  users: UserService;
  webhooks: WebhookService;
}

export interface RequestContext {
  actor: Actor;
  /** Of the caller, as the administrator's own proxies have seen it. */
  address: string | null;
  requestId: string;
  /** Makes the secret of the session anew that asks, where the answer can bring it back: not on a socket. */
  renewSession?: () => Promise<void>;
  log: Log;
  db: Db;
  live: Live;
  services: Services;
}
