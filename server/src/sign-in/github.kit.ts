/** A small server that speaks the endpoints of GitHub Enterprise that a sign-in uses, and checks what a client sends. */
import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface TestGithub {
  url: string;
  clientId: string;
  clientSecret: string;
  user: { id: number; login: string; name: string | null };
  emails: { email: string; primary: boolean; verified: boolean }[];
  organisations: string[];
  /** `organisation/team` */
  teams: string[];
  isSuspended: boolean;
  close(): Promise<void>;
}

export async function openGithub(): Promise<TestGithub> {
  const codes = new Map<string, { challenge: string; redirectUri: string }>();
  const tokens = new Set<string>();
  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', self.url);
    const json = (status: number, body: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (url.pathname === '/login/oauth/authorize') {
      const code = randomBytes(10).toString('hex');
      const redirectUri = url.searchParams.get('redirect_uri') ?? '';
      codes.set(code, { challenge: url.searchParams.get('code_challenge') ?? '', redirectUri });
      const back = new URL(redirectUri);
      back.search = new URLSearchParams({ code, state: url.searchParams.get('state') ?? '' }).toString();
      return response.writeHead(302, { location: back.href }).end();
    }
    if (url.pathname === '/login/oauth/access_token') {
      const form = new URLSearchParams(await text(request));
      const known = codes.get(form.get('code') ?? '');
      codes.delete(form.get('code') ?? '');
      const challenge = createHash('sha256')
        .update(form.get('code_verifier') ?? '')
        .digest('base64url');
      const isGood =
        known?.challenge === challenge &&
        known.redirectUri === form.get('redirect_uri') &&
        form.get('client_id') === self.clientId &&
        form.get('client_secret') === self.clientSecret;
      // As GitHub does: an error with the status 200.
      if (!isGood) return json(200, { error: 'bad_verification_code' });
      const token = randomBytes(10).toString('hex');
      tokens.add(token);
      return json(200, { access_token: token, token_type: 'bearer', scope: 'read:org,read:user,user:email' });
    }
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    if (!tokens.has(token) || self.isSuspended) return json(401, { message: 'Bad credentials' });
    const page = <T>(all: T[]) => {
      const [size, at] = [Number(url.searchParams.get('per_page') ?? 30), Number(url.searchParams.get('page') ?? 1)];
      return json(200, all.slice(size * (at - 1), size * at));
    };
    if (url.pathname === '/api/v3/user') return json(200, self.user);
    if (url.pathname === '/api/v3/user/emails') return page(self.emails);
    if (url.pathname === '/api/v3/user/orgs') return page(self.organisations.map((login) => ({ login })));
    if (url.pathname === '/api/v3/user/teams') {
      return page(
        self.teams.map((team) => {
          const [login = '', slug = ''] = team.split('/');
          return { slug, organization: { login } };
        }),
      );
    }
    return json(404, { message: 'Not Found' });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const self: TestGithub = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    clientId: 'easel',
    clientSecret: 'a secret of the app',
    user: { id: 1, login: 'octocat', name: null },
    emails: [],
    organisations: [],
    teams: [],
    isSuspended: false,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
  return self;
}
