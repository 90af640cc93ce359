/** How the cache keys what has no id of its own, and which lists are asked again after a mutation. */
import type { CacheExchangeOpts, UpdateResolver } from '@urql/exchange-graphcache';

/** Types that live inside another and are replaced with it. */
const EMBEDDED = [
  'Failure',
  'Step',
  'GitStatus',
  'ResourceUse',
  'ListeningPort',
  'Activity',
  'Access',
  'LogLine',
  'LogChunk',
  'EnvironmentsChange',
  'CreatedApiToken',
  'InboxChange',
  'MarkedRead',
  'NotificationPreference',
  'EmailChange',
  'MailStatus',
  'TestMail',
  'CreatedInvitation',
  'PasswordReset',
  'AuditVerification',
  'RevokedSessions',
  'PlatformWithToken',
  'PlatformFeatures',
  'PlatformFeature',
  'StorageClass',
  'EnvironmentInstanceType',
  'Disk',
  'LdapModule',
  'SamlModule',
  'SamlProvider',
  'SamlCertificate',
  'SignInCheck',
  'SignInCheckLine',
  'SecondFactors',
  'AuthenticatorApp',
  'NewRecoveryCodes',
  'SecondFactorPolicy',
] as const;

const REFUSALS = [
  'InvalidInput',
  'Unauthenticated',
  'Forbidden',
  'NotFound',
  'NameTaken',
  'WrongState',
  'QuotaExceeded',
  'LimitExceeded',
  'RateLimited',
  'TicketInvalid',
  'UnsupportedVersion',
  'GenerationStale',
  'EnvironmentNotRunning',
  'PortClosed',
  'ProofNeeded',
] as const;

/** Forgets lists, whatever arguments they were asked with. */
const askAgain =
  (...fields: readonly string[]): UpdateResolver =>
  (_parent, _args, cache) => {
    for (const { fieldName, arguments: given } of cache.inspectFields('Query')) {
      if (fields.includes(fieldName)) cache.invalidate('Query', fieldName, given ?? undefined);
    }
  };

export const cacheOptions: CacheExchangeOpts = {
  keys: Object.fromEntries([...EMBEDDED, ...REFUSALS].map((name) => [name, () => null])),
  possibleTypes: {
    Refusal: [...REFUSALS],
    Node: [
      'Environment',
      'Template',
      'User',
      'SshKey',
      'ApiToken',
      'Session',
      'Platform',
      'InstanceType',
      'Snapshot',
      'Invitation',
      'AuditEntry',
      'Notification',
      'SignInModule',
    ],
    InstanceTypeSpec: ['InstanceType', 'EnvironmentInstanceType'],
  },
  updates: {
    Mutation: {
      addSshKey: askAgain('sshKeys'),
      removeSshKey: askAgain('sshKeys'),
      createApiToken: askAgain('apiTokens'),
      revokeApiToken: askAgain('apiTokens'),
      revokeSession: askAgain('sessions'),
      revokeOtherSessions: askAgain('sessions'),
      setAllNotificationsRead: askAgain('notifications'),
      retryMail: askAgain('troubledMails', 'mailStatus'),
      setPassword: askAgain('sessions'),
      removeAuthenticatorApp: askAgain('secondFactors', 'sessions'),
      removePasskey: askAgain('secondFactors', 'sessions'),
      renamePasskey: askAgain('secondFactors'),
      createRecoveryCodes: askAgain('secondFactors'),
      setSecondFactorPolicy: askAgain('secondFactorPolicy', 'secondFactors'),
      createInvitation: askAgain('invitations'),
      withdrawInvitation: askAgain('invitations'),
      createServiceAccount: askAgain('users'),
      createSignInModule: askAgain('signInModules'),
      deleteSignInModule: askAgain('signInModules'),
      moveSignInModule: askAgain('signInModules'),
      createTemplate: askAgain('templates'),
      updateTemplate: askAgain('templates'),
      deleteTemplate: askAgain('templates'),
      createEnvironment: askAgain('templates', 'instanceTypes'),
      createInstanceType: askAgain('instanceTypes'),
      updateInstanceType: askAgain('instanceTypes', 'templates'),
      deleteInstanceType: askAgain('instanceTypes', 'templates'),
      createPlatform: askAgain('platforms'),
      setPlatformDraining: askAgain('platforms'),
      removePlatform: askAgain('platforms'),
      snapshotEnvironment: askAgain('snapshots'),
      deleteSnapshot: askAgain('snapshots'),
    },
  },
};
