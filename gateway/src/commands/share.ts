import { isId } from '@easel/schema/ids';
import type { ShareAccess } from '@easel/schema/share';
import type { Api } from '../api/api.ts';
import {
  receivedQuery,
  revokeShareMutation,
  type Share,
  shareEnvironmentMutation,
  sharesQuery,
} from '../api/shares.ts';
import type { Context } from '../context.ts';
import { badUsage, CommandError } from '../failure.ts';
import { relative } from '../output/format.ts';
import type { Cell } from '../output/output.ts';
import { lengthOf } from './moment.ts';
import { PHASE_STYLES } from './phase.ts';

/** Who names no time gets a day: what is forgotten ends by itself. */
const USUAL = '1d';

interface AddOptions {
  access: ShareAccess;
  port?: readonly number[];
  for?: string;
  untilRevoked?: boolean;
  group?: boolean;
  note?: string;
}

export async function addShare(context: Context, name: string, guest: string, options: AddOptions): Promise<void> {
  const { out } = context;
  const { access, port: ports, note } = options;
  if (ports && access !== 'ports') throw badUsage('--port goes with --access ports');
  const lengthMs = options.untilRevoked ? null : lengthOf(options.for ?? USUAL, '--for');
  const expiresAt = lengthMs === null ? undefined : new Date(Date.now() + lengthMs).toISOString();
  const input = { environment: name, [options.group ? 'group' : 'user']: guest, access, ports, expiresAt, note };
  const share = await (await context.api()).ask(shareEnvironmentMutation, { input });
  out.json(share);
  out.line(`${name} is shared with ${guestOf(share)}: ${accessOf(share)}, ${untilOf(share, Date.now())}`);
  if (access === 'ssh') {
    out.note(
      'They are you inside: files, running programs, forwarded agents and whatever secrets lie there are open to them.',
    );
  }
}

/** Without a name, what others share with the caller. */
export async function listShares(context: Context, name: string | undefined): Promise<void> {
  const api = await context.api();
  return name === undefined ? listReceived(context, api) : listGiven(context, api, name);
}

/** By the guest's login, the group's name, or the share's id. */
export async function removeShare({ api: open, out }: Context, name: string, which: string): Promise<void> {
  const api = await open();
  const shares = await sharesOf(api, name);
  const share = shares.find((one) => one.id === which || one.user?.login === which || one.group?.name === which);
  if (!share) throw new CommandError('NOT_FOUND', `${name} is not shared with ${JSON.stringify(which)}`);
  await api.ask(revokeShareMutation, { id: share.id });
  out.json(share);
  out.line(`${name} is no longer shared with ${guestOf(share)}`);
}

async function listGiven({ out }: Context, api: Api, name: string): Promise<void> {
  const shares = await sharesOf(api, name);
  out.json(shares);
  if (shares.length === 0) return out.note(`${name} is shared with nobody; \`easel share add\` shares it`);
  const nowMs = Date.now();
  out.table(
    ['WITH', 'ACCESS', 'ENDS', 'SINCE', 'NOTE', 'ID'],
    shares.map((share) => [
      guestOf(share),
      accessOf(share),
      share.expiresAt === null ? 'when revoked' : relative(share.expiresAt, nowMs),
      relative(share.createdAt, nowMs),
      share.note,
      share.id,
    ]),
  );
}

async function listReceived({ out }: Context, api: Api): Promise<void> {
  const environments = await api.ask(receivedQuery, {}, { isRepeatable: true });
  out.json(environments);
  if (environments.length === 0) return out.note('nobody shares an environment with you');
  const nowMs = Date.now();
  out.table(
    ['NAME', 'OWNER', 'PHASE', 'ACCESS', 'ENDS', 'ID'],
    environments.map(({ id, name, phase, owner, myShare: share }): Cell[] => [
      name,
      owner.login,
      { text: phase, style: PHASE_STYLES[phase] },
      share ? accessOf(share) : '-',
      share?.expiresAt ? relative(share.expiresAt, nowMs) : 'when revoked',
      id,
    ]),
  );
}

async function sharesOf(api: Api, name: string): Promise<readonly Share[]> {
  const key = isId('environment', name) ? { id: name } : { name };
  const environment = await api.ask(sharesQuery, key, { isRepeatable: true });
  if (environment) return environment.shares;
  throw new CommandError('NOT_FOUND', `no environment is called ${JSON.stringify(name)}; \`easel list\` shows yours`);
}

function guestOf({ user, group }: Share): string {
  return user ? user.login : group ? `the group ${group.name}` : 'a group that is gone';
}

function accessOf({ access, ports }: Share): string {
  if (access !== 'ports') return access;
  return ports.length === 0 ? 'all ports' : `${ports.length === 1 ? 'port' : 'ports'} ${ports.join(', ')}`;
}

function untilOf({ expiresAt }: Share, nowMs: number): string {
  return expiresAt === null ? 'until you remove it' : `ends ${relative(expiresAt, nowMs)}`;
}
