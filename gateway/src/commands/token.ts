import { apiTokensQuery, createApiTokenMutation, revokeApiTokenMutation } from '../api/account.ts';
import type { Context } from '../context.ts';
import { relative } from '../output/format.ts';
import { pick } from './find.ts';

const DAY_MS = 86_400_000;

export async function createToken(context: Context, name: string, options: { expiresDays?: number }): Promise<void> {
  const { out } = context;
  const expiresAt =
    options.expiresDays === undefined ? undefined : new Date(Date.now() + options.expiresDays * DAY_MS).toISOString();
  const created = await (await context.api()).ask(createApiTokenMutation, { input: { name, expiresAt } });
  out.json({ token: created.token, ...created.apiToken });
  out.note(`The token ${created.apiToken.name}, shown this once:`);
  out.line(created.token);
}

export async function listTokens({ api: open, out }: Context): Promise<void> {
  const tokens = await (await open()).ask(apiTokensQuery, {}, { isRepeatable: true });
  out.json(tokens);
  const nowMs = Date.now();
  if (!out.isJson && tokens.length === 0) out.note('no tokens');
  if (tokens.length > 0)
    out.table(
      ['NAME', 'BEGINS', 'CREATED', 'EXPIRES', 'USED', 'ID'],
      tokens.map((token) => [
        token.name,
        `${token.prefix}…`,
        relative(token.createdAt, nowMs),
        token.expiresAt === null ? 'never' : relative(token.expiresAt, nowMs),
        relative(token.lastUsedAt, nowMs),
        token.id,
      ]),
    );
}

export async function revokeToken({ api: open, out }: Context, which: string): Promise<void> {
  const api = await open();
  const token = pick(await api.ask(apiTokensQuery, {}, { isRepeatable: true }), which, 'token');
  await api.ask(revokeApiTokenMutation, { id: token.id });
  out.json(token);
  out.line(`${token.name} is revoked`);
}
