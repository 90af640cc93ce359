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
] as const;

/** Forgets a list, whatever arguments it was asked with. */
const askAgain =
  (field: string): UpdateResolver =>
  (_parent, _args, cache) => {
    for (const { fieldName, arguments: given } of cache.inspectFields('Query')) {
      if (fieldName === field) cache.invalidate('Query', fieldName, given ?? undefined);
    }
  };

export const cacheOptions: CacheExchangeOpts = {
  keys: Object.fromEntries([...EMBEDDED, ...REFUSALS].map((name) => [name, () => null])),
  possibleTypes: {
    Refusal: [...REFUSALS],
    Node: ['Environment', 'Template', 'User', 'SshKey', 'ApiToken', 'Platform'],
  },
  updates: {
    Mutation: {
      addSshKey: askAgain('sshKeys'),
      removeSshKey: askAgain('sshKeys'),
      createApiToken: askAgain('apiTokens'),
      revokeApiToken: askAgain('apiTokens'),
      createTemplate: askAgain('templates'),
      updateTemplate: askAgain('templates'),
      deleteTemplate: askAgain('templates'),
      createEnvironment: askAgain('templates'),
    },
  },
};
