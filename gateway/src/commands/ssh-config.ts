import { sshHostsQuery } from '../api/environments.ts';
import type { Context } from '../context.ts';
import type { SshTarget } from '../ssh/arguments.ts';
import { installSshConfig, sshConfigText } from '../ssh/config-file.ts';
import { writeJumpKeys } from '../ssh/known-hosts.ts';

export async function sshConfig(context: Context, options: { install?: true }): Promise<void> {
  const { out, config } = context;
  const api = await context.api();
  const environments = await api.all(sshHostsQuery);
  const targets = environments.flatMap(({ name, platform }): SshTarget[] =>
    platform?.sshHost && platform.sshPort
      ? [{ host: platform.sshHost, port: platform.sshPort, user: name, hostKeys: platform.sshHostKeys }]
      : [],
  );
  for (const target of targets) await writeJumpKeys(config.configDir, target);
  const renew = [process.execPath, process.argv[1] ?? 'easel', '--url', api.url, 'ssh-cert'];
  const text = sshConfigText(api.url, targets, { configDir: config.configDir, renew });
  const path = options.install ? await installSshConfig(config.home, text) : null;
  out.json({ hosts: targets.map((target) => ({ alias: `${target.user}.easel`, ...target })), path });
  if (path === null) {
    out.line(text.trimEnd());
    return;
  }
  out.line(
    `${path} has ${targets.length} ${targets.length === 1 ? 'environment' : 'environments'}; ~/.ssh/config includes it`,
  );
  if (targets[0]) out.line(`Try: ssh ${targets[0].user}.easel`);
  out.note('Run it again after you have created or deleted environments.');
}
