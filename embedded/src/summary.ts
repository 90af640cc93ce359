/** What is printed last: everything a person, or a script, needs to begin. */
import { httpUrl, type Installation, relayUrl } from './services.ts';

export interface Ready {
  installation: Installation;
  /** As the server announced them. */
  url: string;
  signInUrl: string | null;
  runtime: 'docker' | 'process';
  /** Why environments are not isolated, when they are not. */
  notice: string | null;
}

/** The one line of `--json`. Scripts are written against it. */
export function summaryJson({ installation, url, runtime }: Ready): string {
  const { publicHost, ports, secrets, dataDir } = installation;
  return JSON.stringify({
    url,
    relayUrl: relayUrl(publicHost, ports.relay),
    sshHost: publicHost,
    sshPort: ports.ssh,
    tokenFile: secrets['admin-token'],
    runtime,
    dataDir,
  });
}

export function summaryLines({ installation, url, signInUrl, runtime, notice }: Ready): string[] {
  const { publicHost, ports, secrets, dataDir } = installation;
  const environments =
    runtime === 'docker'
      ? 'run in Docker containers'
      : `run as plain processes of this machine, WITHOUT ISOLATION (${notice})`;
  const rows: [string, string][] = [
    ['Web page', url],
    ['Sign in', signInUrl ? `${signInUrl}  (works once)` : `${httpUrl(publicHost, ports.server)} with your password`],
    ['SSH', `ssh -p ${ports.ssh} NAME@${publicHost}  (NAME is an environment; add your public key first)`],
    ['API token', `${secrets['admin-token']}  (for scripts and the easel command)`],
    ['Environments', environments],
    ['Data', dataDir],
  ];
  return [
    '',
    'Easel is ready.',
    '',
    ...rows.map(([name, text]) => `  ${name.padEnd(12)}  ${text}`),
    '',
    'Ctrl-C stops everything.',
    '',
  ];
}
