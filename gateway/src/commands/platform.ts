import { platformsQuery } from '../api/account.ts';
import type { Context } from '../context.ts';
import { relative } from '../output/format.ts';
import type { Cell } from '../output/output.ts';

export async function listPlatforms({ api: open, out }: Context): Promise<void> {
  const platforms = await (await open()).ask(platformsQuery, {}, { isRepeatable: true });
  out.json(platforms);
  if (platforms.length === 0) out.note('no computing platforms');
  else {
    const nowMs = Date.now();
    out.table(
      ['NAME', 'KIND', 'STATE', 'RUNTIME', 'ISOLATION', 'SEEN', 'SSH', 'RELAY'],
      platforms.map((platform): Cell[] => [
        platform.name,
        platform.kind,
        platform.isOnline ? { text: 'online', style: 'green' } : { text: 'offline', style: 'red' },
        platform.runtime ?? '-',
        platform.isIsolated ? 'yes' : { text: 'none', style: 'yellow' },
        relative(platform.lastSeenAt, nowMs),
        platform.sshHost === null ? '-' : `${platform.sshHost}:${platform.sshPort}`,
        platform.relayUrl ?? '-',
      ]),
    );
    for (const { name, notice } of platforms) if (notice) out.note(`${name}: ${notice}`);
  }
}
