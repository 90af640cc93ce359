/** Commands and links that lead into an environment, made from the platform's addresses. They never carry a token. */
export interface WaysInOptions {
  /** Its SSH login: the environment's name, or its id. */
  name: string;
  /** What it is called in a block for ~/.ssh/config. */
  alias: string;
  sshHost: string;
  sshPort: number;
  /** Folder of the project inside. */
  project: string;
}

export interface WaysIn {
  sshCommand: string;
  sshConfig: string;
  vscodeUrl: string;
  cursorUrl: string;
  windsurfUrl: string;
  zedUrl: string;
  gatewayUrl: string;
  toolboxUrl: string;
}

const DEFAULT_SSH_PORT = 22;

export function waysIn({ name, alias, sshHost, sshPort, project }: WaysInOptions): WaysIn {
  const port = sshPort === DEFAULT_SSH_PORT ? '' : ` -p ${sshPort}`;
  const authority = `${name}@${urlHost(sshHost)}:${sshPort}`;
  const path = project.split('/').map(encodeURIComponent).join('/');
  // VS Code and its relatives: product's page "Opening a remote folder by URL".
  const remote = (scheme: string) => `${scheme}://vscode-remote/ssh-remote+${authority}${path}?windowId=_blank`;
  return {
    sshCommand: `ssh${port} ${name}@${sshHost}`,
    sshConfig: sshConfig({ name, alias, sshHost, sshPort }),
    vscodeUrl: remote('vscode'),
    cursorUrl: remote('cursor'),
    windsurfUrl: remote('windsurf'),
    zedUrl: `zed://ssh/${authority}${path}`,
    gatewayUrl: `jetbrains-gateway://connect#${new URLSearchParams({
      projectPath: project,
      host: sshHost,
      port: String(sshPort),
      user: name,
      type: 'ssh',
      deploy: 'false',
    })}`,
    toolboxUrl: `jetbrains://gateway/ssh/environment?${new URLSearchParams({
      h: sshHost,
      u: name,
      p: String(sshPort),
      launchIde: 'true',
      projectHint: project,
    })}`,
  };
}

/** A block for ~/.ssh/config, after which `ssh ALIAS.easel` is enough. */
function sshConfig({ name, alias, sshHost, sshPort }: Omit<WaysInOptions, 'project'>): string {
  return [
    `Host ${alias}.easel`,
    `  HostName ${sshHost}`,
    `  Port ${sshPort}`,
    `  User ${name}`,
    '  ServerAliveInterval 30',
    '',
  ].join('\n');
}

/** IPv6 addresses stand in brackets. */
function urlHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
