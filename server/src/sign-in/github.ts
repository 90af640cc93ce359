/**
 * GitHub and GitHub Enterprise: OAuth 2 with PKCE, then the REST API says who it is. The user's number is the subject; the
 * address counts when GitHub says that it is the primary one and verified. Source: docs.github.com, "Authorizing OAuth apps".
 */
import { createHash } from 'node:crypto';
import type { Log } from '@easel/kit/log';
import { z } from 'zod';
import { forbidden } from '../actor.ts';
import { newSecret } from '../secrets.ts';
import { type Claims, domainOf } from './claims.ts';
import type { Verdict } from './oidc.ts';
import type { RedirectModule, RedirectProvider } from './redirect.ts';
import type { KeptOfProvider } from './session-check.store.ts';

const PER_PAGE = 100;
/** Of teams: nobody is in more than a thousand. */
const MAX_PAGES = 10;
/** GitHub's own say which version is spoken; an Enterprise server passes it over. */
const API_VERSION = '2022-11-28';

const tokenSchema = z.object({ access_token: z.string().min(1), refresh_token: z.string().optional() });
const userSchema = z.object({ id: z.number().int().positive(), login: z.string(), name: z.string().nullish() });
const emailsSchema = z.array(z.object({ email: z.string(), primary: z.boolean(), verified: z.boolean() }));
const organisationsSchema = z.array(z.object({ login: z.string() }));
const teamsSchema = z.array(z.object({ slug: z.string(), organization: z.object({ login: z.string() }) }));

/** The only way to providers; it follows nothing. */
type Fetch = (
  url: string,
  options: { method?: string; headers?: Record<string, string>; body?: string },
) => Promise<Response>;

export type GithubModule = RedirectModule<'github'>;

export class GithubProvider implements RedirectProvider<'github'> {
  readonly #log: Log;
  readonly #fetch: Fetch;

  constructor(parts: { log: Log; fetch: Fetch }) {
    this.#log = parts.log;
    this.#fetch = parts.fetch;
  }

  async begin(
    { settings }: GithubModule,
    { redirectUri, state, isFresh }: { redirectUri: string; state: string; isFresh: boolean },
  ) {
    const verifier = newSecret();
    const url = new URL('/login/oauth/authorize', settings.url);
    url.search = new URLSearchParams({
      client_id: settings.clientId,
      redirect_uri: redirectUri,
      scope: 'read:user user:email read:org',
      state,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...(isFresh ? { prompt: 'select_account' } : {}),
    }).toString();
    return { url, kept: { verifier, redirectUri } };
  }

  async claims(module: GithubModule, answer: { callback: URL; state: string; kept: Record<string, string> }) {
    const { settings, secret } = module;
    const code = answer.callback.searchParams.get('code');
    if (!code) throw new Error(`GitHub gave no code: ${answer.callback.searchParams.get('error') ?? 'and no error'}`);
    const given = tokenSchema.parse(
      await ask(
        new URL('/login/oauth/access_token', settings.url),
        {
          method: 'POST',
          body: new URLSearchParams({
            ...{ client_id: settings.clientId, client_secret: secret, code },
            ...{ redirect_uri: answer.kept.redirectUri ?? '', code_verifier: answer.kept.verifier ?? '' },
          }),
        },
        this.#fetch,
      ),
    );
    const token = given.access_token;
    const user = userSchema.parse(await this.#get(module, token, '/user'));
    const emails = emailsSchema.parse(await this.#get(module, token, `/user/emails?per_page=${PER_PAGE}`));
    const groups = await this.#groups(module, token);
    const { allowedOrganisations: allowed } = settings;
    if (allowed.length > 0 && !allowed.some((name) => groups.includes(name))) {
      throw forbidden(`${module.name} lets in members of ${allowed.join(', ')} alone`);
    }
    const primary = emails.find(({ primary, verified, email }) => primary && verified && domainOf(email) !== null);
    const claims: Claims = {
      subject: String(user.id),
      name: user.name?.trim().slice(0, 100) || null,
      preferredLogin: user.login,
      verifiedEmail: primary?.email ?? null,
      groups,
    };
    const keeps: KeptOfProvider = {
      refreshToken: null,
      accessToken: token,
      // A token of an OAuth app lasts until it is revoked.
      accessUntilMs: Number.MAX_SAFE_INTEGER,
      providerSession: null,
    };
    return { claims, keeps };
  }

  /** A token that GitHub does not take any more, of a user who is suspended or has revoked it: 401. Nor may he leave the organisations. */
  async look(
    module: GithubModule,
    subject: string,
    kept: KeptOfProvider,
  ): Promise<{ verdict: Verdict; keeps: KeptOfProvider }> {
    try {
      const user = userSchema.parse(await this.#get(module, kept.accessToken ?? '', '/user'));
      const { allowedOrganisations: allowed } = module.settings;
      const isMember =
        allowed.length === 0 ||
        (await this.#groups(module, kept.accessToken ?? '')).some((name) => allowed.includes(name));
      return { verdict: String(user.id) === subject && isMember ? 'here' : 'gone', keeps: kept };
    } catch (err) {
      if (err instanceof GithubError && err.status === 401) return { verdict: 'gone', keeps: kept };
      this.#log.warn({ err, moduleId: module.id }, 'a provider does not say whether somebody is still there');
      return { verdict: 'unknown', keeps: kept };
    }
  }

  /** `organisation` and `organisation/team`, in small letters. */
  async #groups(module: GithubModule, token: string): Promise<string[]> {
    const organisations = await this.#pages(module, { token, path: '/user/orgs', schema: organisationsSchema });
    const teams = await this.#pages(module, { token, path: '/user/teams', schema: teamsSchema });
    const names = [
      ...organisations.map(({ login }) => login),
      ...teams.map(({ slug, organization }) => `${organization.login}/${slug}`),
    ];
    return [...new Set(names.map((name) => name.toLowerCase()))];
  }

  async #pages<T>(module: GithubModule, wish: { token: string; path: string; schema: z.ZodType<T[]> }): Promise<T[]> {
    const all: T[] = [];
    for (let page = 1; page <= MAX_PAGES; page++) {
      const path = `${wish.path}?per_page=${PER_PAGE}&page=${page}`;
      const found = wish.schema.parse(await this.#get(module, wish.token, path));
      all.push(...found);
      if (found.length < PER_PAGE) break;
    }
    return all;
  }

  #get({ settings }: GithubModule, token: string, path: string): Promise<unknown> {
    return ask(
      new URL(`${apiOf(settings.url)}${path}`),
      { headers: { authorization: `Bearer ${token}` } },
      this.#fetch,
    );
  }
}

class GithubError extends Error {
  readonly status: number;

  constructor(status: number, path: string) {
    super(`GitHub answers ${path} with ${status}`);
    this.status = status;
  }
}

/** GitHub's own is at another host; an Enterprise server's below its pages. */
function apiOf(url: string): string {
  const { hostname, origin } = new URL(url);
  return hostname === 'github.com' ? 'https://api.github.com' : `${origin}/api/v3`;
}

async function ask(
  url: URL,
  init: { method?: string; body?: URLSearchParams; headers?: Record<string, string> },
  fetch: Fetch,
): Promise<unknown> {
  const { method = 'GET', body } = init;
  const headers = {
    accept: 'application/json',
    'user-agent': 'easel',
    'x-github-api-version': API_VERSION,
    ...(body ? { 'content-type': 'application/x-www-form-urlencoded' } : {}),
    ...init.headers,
  };
  const response = await fetch(url.href, { method, headers, ...(body ? { body: body.toString() } : {}) });
  if (!response.ok) throw new GithubError(response.status, url.pathname);
  return response.json();
}
