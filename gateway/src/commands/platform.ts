import {
  createPlatformMutation,
  type Platform,
  platformsQuery,
  removePlatformMutation,
  rotatePlatformTokenMutation,
  setPlatformDrainingMutation,
} from '../api/platforms.ts';
import type { Context } from '../context.ts';
import { relative } from '../output/format.ts';
import type { Cell } from '../output/output.ts';
import { pick } from './find.ts';

export async function listPlatforms({ api: open, out }: Context): Promise<void> {
  const platforms = await (await open()).ask(platformsQuery, {}, { isRepeatable: true });
  out.json(platforms);
  if (platforms.length === 0) {
    out.note('no computing platforms');
    return;
  }
  const nowMs = Date.now();
  out.table(
    ['NAME', 'KIND', 'STATE', 'RUNTIME', 'ISOLATION', 'SEEN', 'SSH', 'RELAY'],
    platforms.map((platform): Cell[] => [
      platform.name,
      platform.kind,
      stateOf(platform),
      platform.runtime ?? '-',
      platform.isIsolated ? 'yes' : { text: 'none', style: 'yellow' },
      relative(platform.lastSeenAt, nowMs),
      platform.sshHost === null ? '-' : `${platform.sshHost}:${platform.sshPort}`,
      platform.relayUrl ?? '-',
    ]),
  );
  for (const { name, notice, problems, settingsProblem } of platforms) {
    if (notice) out.note(`${name}: ${notice}`);
    for (const problem of problems) out.note(`${name}: ${problem}`);
    if (settingsProblem) out.note(`${name}: its new settings were refused: ${settingsProblem}`);
  }
}

/** The token goes to the standard output alone, so that a script can take it. */
export async function createPlatform(context: Context, name: string): Promise<void> {
  const { out } = context;
  const { token, platform } = await (await context.api()).ask(createPlatformMutation, { input: { name } });
  out.json({ token, ...platform });
  out.note(`The token of ${platform.name} for \`helm install … --set platform.token=\`, shown this once:`);
  out.line(token);
}

export async function rotatePlatformToken(context: Context, which: string): Promise<void> {
  const { out } = context;
  const api = await context.api();
  const { id } = await findPlatform(context, which);
  const { token, platform } = await api.ask(rotatePlatformTokenMutation, { id });
  out.json({ token, ...platform });
  out.note(`The new token of ${platform.name}, shown this once; the old one opens nothing any more:`);
  out.line(token);
}

export function drainPlatform(context: Context, which: string): Promise<void> {
  return setDraining(context, which, true);
}

export function undrainPlatform(context: Context, which: string): Promise<void> {
  return setDraining(context, which, false);
}

/** Refused while it has environments or snapshots, unless they are given up with it. */
export async function removePlatform(
  context: Context,
  which: string,
  { force = false }: { force?: boolean },
): Promise<void> {
  const { out } = context;
  const api = await context.api();
  const platform = await findPlatform(context, which);
  await api.ask(removePlatformMutation, { id: platform.id, force });
  out.json(platform);
  out.line(`${platform.name} is removed; \`helm uninstall\` takes the rest out of its cluster`);
}

async function setDraining(context: Context, which: string, isDraining: boolean): Promise<void> {
  const { out } = context;
  const api = await context.api();
  const { id } = await findPlatform(context, which);
  const platform = await api.ask(setPlatformDrainingMutation, { id, isDraining }, { isRepeatable: true });
  out.json(platform);
  out.line(
    isDraining
      ? `${platform.name} starts nothing new; what runs there goes on`
      : `${platform.name} takes new environments again`,
  );
}

async function findPlatform(context: Context, which: string): Promise<Platform> {
  const platforms = await (await context.api()).ask(platformsQuery, {}, { isRepeatable: true });
  return pick(platforms, which, 'computing platform');
}

function stateOf({ isOnline, isDraining }: Platform): Cell {
  if (isDraining) return { text: isOnline ? 'drained' : 'drained, offline', style: 'yellow' };
  return isOnline ? { text: 'online', style: 'green' } : { text: 'offline', style: 'red' };
}
