/**
 * What a suite may need beside Node.js. A suite asks here (`describeWith`), runs where the component is, says in one line that it is not,
 * and fails there when EASEL_TEST_REQUIRE=all (as in CI): a hole in the cover must be seen.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hasHelm, helmRemedy } from './helm.ts';

interface Component {
  /** How a person gets it. */
  remedy: string;
  isThere: () => boolean;
}

/** Debian's own, which its packages are for; an earlier `python3` on PATH may be another. */
export const systemPython = '/usr/bin/python3';

const apt = (name: string) => `apt-get install ${name}`;

const components = {
  docker: {
    remedy: `${apt('docker.io')} and start dockerd`,
    isThere: () => runs('docker', ['version', '--format', '{{.Server.Version}}']),
  },
  chromium: { remedy: apt('chromium'), isThere: () => isOnPath('chromium') },
  'openssh client': {
    remedy: apt('openssh-client'),
    isThere: () => ['ssh', 'scp', 'sftp', 'ssh-keygen'].every(isOnPath),
  },
  sshd: { remedy: apt('openssh-server'), isThere: () => isOnPath('sshd') },
  rsync: { remedy: apt('rsync'), isThere: () => isOnPath('rsync') },
  dropbear: { remedy: apt('dropbear-bin'), isThere: () => isOnPath('dbclient') },
  putty: { remedy: apt('putty-tools'), isThere: () => isOnPath('plink') },
  paramiko: { remedy: apt('python3-paramiko'), isThere: () => runs(systemPython, ['-c', 'import paramiko']) },
  'ssh-audit': { remedy: apt('ssh-audit'), isThere: () => isOnPath('ssh-audit') },
  haproxy: { remedy: apt('haproxy'), isThere: () => isOnPath('haproxy') },
  git: { remedy: apt('git'), isThere: () => isOnPath('git') },
  'docker registry': { remedy: apt('docker-registry'), isThere: () => isOnPath('docker-registry') },
  debootstrap: { remedy: apt('debootstrap'), isThere: () => isOnPath('debootstrap') },
  'static busybox': { remedy: apt('busybox-static'), isThere: () => isOnPath('busybox') },
  swift: {
    remedy: apt('swift-proxy swift-account swift-container swift-object memcached'),
    isThere: () =>
      [
        'swift-proxy-server',
        'swift-account-server',
        'swift-container-server',
        'swift-object-server',
        'memcached',
      ].every(isOnPath),
  },
  simplesamlphp: {
    remedy: apt('simplesamlphp php-cli php-xml'),
    isThere: () => isOnPath('php') && existsSync('/usr/share/simplesamlphp/www/saml2/idp/SSOService.php'),
  },
  slapd: {
    remedy: apt('slapd ldap-utils'),
    isThere: () => ['slapd', 'ldapadd', 'ldapmodify', 'ldapdelete', 'ldapwhoami'].every(isOnPath),
  },
  cluster: {
    remedy: 'set KUBECONFIG to a cluster that may be used for tests',
    isThere: () => process.env.KUBECONFIG !== undefined && existsSync(process.env.KUBECONFIG),
  },
  'node of the cluster': {
    remedy: 'set KUBECONFIG to a cluster of this machine, with its containerd beside that file',
    isThere: () => existsSync(join(dirname(process.env.KUBECONFIG ?? ''), 'containerd/c.sock')),
  },
  helm: { remedy: helmRemedy, isThere: hasHelm },
  'built web': { remedy: 'npm run build', isThere: () => existsSync(fromRoot('web/build/handler.js')) },
} as const satisfies Record<string, Component>;

export type ComponentName = keyof typeof components;

const known = new Map<ComponentName, boolean>();

/** Whether the machine has the component; looked up once per process. */
export function has(name: ComponentName): boolean {
  let isThere = known.get(name);
  if (isThere === undefined) {
    isThere = components[name].isThere();
    known.set(name, isThere);
  }
  return isThere;
}

/** What is missing of `names` and how to get it, one line each. */
export function missing(names: readonly ComponentName[]): string[] {
  return names.filter((name) => !has(name)).map((name) => `${name} is missing; ${components[name].remedy}`);
}

/** Whether a missing component is a failure. */
export function mustHaveAll(): boolean {
  return process.env.EASEL_TEST_REQUIRE === 'all';
}

/** Servers live outside a user's PATH on Debian. */
const folders = [...(process.env.PATH ?? '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin'];

function isOnPath(command: string): boolean {
  return folders.some((folder) => folder !== '' && existsSync(`${folder}/${command}`));
}

function runs(command: string, args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore', timeout: 10_000 });
    return true;
  } catch {
    return false;
  }
}

function fromRoot(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}
