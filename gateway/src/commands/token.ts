/** token list, create, rotate, revoke, scopes: for oneself, and for service accounts. */
import type { Api } from '../api/api.ts';
import {
  type ApiToken,
  apiTokensQuery,
  type CreatedToken,
  createApiTokenMutation,
  revokeApiTokenMutation,
  rotateApiTokenMutation,
  tokenPolicyQuery,
} from '../api/tokens.ts';
import type { Context } from '../context.ts';
import { relative } from '../output/format.ts';
import type { Output } from '../output/output.ts';
import { findUser, pick } from './find.ts';
import { endOf } from './moment.ts';

interface OwnerOptions {
  /** Login of a service account. */
  for?: string;
}

export async function createToken(
  context: Context,
  name: string,
  options: OwnerOptions & { expires?: string; scope?: readonly string[] },
): Promise<void> {
  const { expires, scope: scopes } = options;
  const expiresAt = expires === undefined ? undefined : endOf(expires, '--expires', Date.now());
  const api = await context.api();
  const owner = await ownerOf(api, options);
  showOnce(context.out, await api.ask(createApiTokenMutation, { input: { name, expiresAt, scopes, owner } }));
}

export async function listTokens({ api: open, out }: Context, options: OwnerOptions): Promise<void> {
  const tokens = await tokensOf(await open(), options);
  out.json(tokens);
  const nowMs = Date.now();
  if (!out.isJson && tokens.length === 0) out.note('no tokens');
  const replaced = new Set(tokens.map(({ rotatedFrom }) => rotatedFrom));
  if (tokens.length > 0)
    out.table(
      ['NAME', 'BEGINS', 'MAY', 'CREATED', 'EXPIRES', 'USED', 'FROM', 'ID'],
      tokens.map((token) => [
        token.name,
        `${token.prefix}…`,
        token.scopes?.join(', ') ?? 'everything',
        relative(token.createdAt, nowMs),
        `${token.expiresAt === null ? 'never' : relative(token.expiresAt, nowMs)}${replaced.has(token.id) ? ', replaced' : ''}`,
        relative(token.lastUsedAt, nowMs),
        token.lastUsedAddress ?? '-',
        token.id,
      ]),
    );
}

/** The old one is good for a while, so that what uses it can be changed without a gap. */
export async function rotateToken(
  context: Context,
  which: string,
  options: OwnerOptions & { overlap?: number },
): Promise<void> {
  const { out } = context;
  const api = await context.api();
  const old = pickNewest(await tokensOf(api, options), which);
  const created = await api.ask(rotateApiTokenMutation, { id: old.id, overlapHours: options.overlap });
  showOnce(out, created);
  const hours = options.overlap ?? 24;
  out.note(
    hours === 0
      ? 'The one before is refused from now on.'
      : `The one before (${old.prefix}…) is good for ${hours} hours more.`,
  );
}

export async function revokeToken({ api: open, out }: Context, which: string, options: OwnerOptions): Promise<void> {
  const api = await open();
  const token = pick(await tokensOf(api, options), which, 'token');
  await api.ask(revokeApiTokenMutation, { id: token.id });
  out.json(token);
  out.line(`${token.name} is revoked`);
}

export async function listScopes({ api: open, out }: Context): Promise<void> {
  const { maxDays, scopes } = await (await open()).ask(tokenPolicyQuery, {}, { isRepeatable: true });
  out.json({ maxDays, scopes });
  out.table(
    ['SCOPE', 'A TOKEN WITH IT MAY', 'STANDS FOR'],
    scopes.map(({ name, description, includes }) => [name, description, includes.join(', ')]),
  );
  if (maxDays > 0) out.note(`tokens are good for at most ${maxDays} days here`);
}

function showOnce(out: Output, { token, apiToken }: CreatedToken): void {
  out.json({ token, ...apiToken });
  out.note(`The token ${apiToken.name}, shown this once:`);
  out.line(token);
}

async function ownerOf(api: Api, options: OwnerOptions): Promise<string | undefined> {
  return options.for === undefined ? undefined : (await findUser(api, options.for)).id;
}

async function tokensOf(api: Api, options: OwnerOptions): Promise<ApiToken[]> {
  return api.ask(apiTokensQuery, { owner: await ownerOf(api, options) }, { isRepeatable: true });
}

/** A token and the one that takes its place have the same name: meant is the one that has none yet. */
function pickNewest(tokens: readonly ApiToken[], which: string): ApiToken {
  const replaced = new Set(tokens.map(({ rotatedFrom }) => rotatedFrom));
  return pick(
    tokens.filter(({ id }) => id === which || !replaced.has(id)),
    which,
    'token',
  );
}
