/** What git says when a clone fails, as a failure that a person can act on. */
import { type Failure, failure } from '@easel/schema/failure';

interface Rule {
  pattern: RegExp;
  class: Failure['class'];
  message: (url: string, branch: string | null) => string;
  advice?: string;
}

/** The first that fits wins. The words are git's and curl's own, in the C locale. */
const RULES: readonly Rule[] = [
  {
    pattern: /no space left on device|disk quota exceeded/i,
    class: 'disk_full',
    message: () => 'The disk of the environment became full while the repository was cloned.',
  },
  {
    pattern: /remote branch .* not found/i,
    class: 'sources',
    message: (url, branch) => `The repository ${url} has no branch or tag ${branch}.`,
    advice: 'Choose a branch that the repository has; then retry.',
  },
  {
    pattern: /could not resolve host|name or service not known|temporary failure in name resolution/i,
    class: 'sources',
    message: (url) => `The host of ${url} is not known.`,
    advice: 'Check the host name in the repository URL; then retry.',
  },
  {
    pattern:
      /failed to connect|connection refused|connection timed out|no route to host|network is unreachable|couldn't connect/i,
    class: 'sources',
    message: (url) => `The host of ${url} does not answer.`,
    advice: 'Check the host and port in the repository URL and that this machine may reach it; then retry.',
  },
  {
    pattern: /ssl certificate problem|certificate verif|server certificate|gnutls_handshake|ssl_error/i,
    class: 'sources',
    message: (url) => `The TLS certificate of the host of ${url} cannot be trusted.`,
    advice: 'Ask an administrator to add the authority of that certificate on this machine; then retry.',
  },
  {
    pattern:
      /authentication failed|could not read (username|password)|terminal prompts disabled|permission denied \(publickey|returned error: 40[13]|access denied|host key verification failed/i,
    class: 'sources',
    message: (url) => `The repository ${url} asks for credentials that the environment does not have.`,
    advice: 'Use a repository that can be read without signing in, or a URL that carries a token; then retry.',
  },
  {
    pattern: /dubious ownership/i,
    class: 'sources',
    message: (url) => `The repository ${url} belongs to another user of this machine.`,
  },
  {
    pattern: /permission denied/i,
    class: 'sources',
    message: (url) => `The repository ${url} cannot be read: permission denied.`,
    advice: 'Make the repository readable for the user that environments run as; then retry.',
  },
  {
    pattern:
      /not found|does not exist|does not appear to be a git repository|not a git repository|returned error: 404/i,
    class: 'sources',
    message: (url) => `There is no Git repository at ${url}.`,
    advice: 'Check the repository URL; then retry.',
  },
  {
    pattern: /transport '.*' not allowed|redirect|unable to update url base/i,
    class: 'sources',
    message: (url) => `The host of ${url} sends git somewhere else, which is not followed.`,
    advice: 'Use the URL that the repository has now; then retry.',
  },
  {
    pattern: /early eof|unexpected disconnect|hung up unexpectedly|rpc failed|operation too slow|recv failure/i,
    class: 'sources',
    message: (url) => `The connection to ${url} broke while the repository was cloned.`,
    advice: 'Retry. If it breaks again, ask who runs the host.',
  },
];

/** `url` as a person may see it. `said`: what git wrote to standard error. */
export function translateGitError(said: string, url: string, branch: string | null): Failure {
  const rule = RULES.find(({ pattern }) => pattern.test(said));
  if (rule) {
    const advice = rule.advice === undefined ? {} : { advice: rule.advice };
    return failure({ class: rule.class, message: rule.message(url, branch), step: 'sources', ...advice });
  }
  const last = said.trim().split('\n').at(-1) ?? '';
  return failure({ class: 'sources', message: `git could not clone ${url}: ${last.slice(0, 500)}`, step: 'sources' });
}
