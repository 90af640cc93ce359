/** A real OpenID provider for suites, on loopback: one client, and whoever the test says is signed in there. */
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';

export interface Account {
  sub: string;
  [claim: string]: unknown;
}

export interface TestProvider {
  issuer: string;
  clientId: string;
  clientSecret: string;
  /** Who is signed in there, from now on. */
  account: Account;
  /** Whether it knows the account any more. */
  isGone: boolean;
  givesRefreshTokens: boolean;
  /** Allows this address to be come back to. */
  allow(redirectUri: string): void;
  /** Goes through its pages as a browser does that says yes to everything. Gives the address that it sends back to. */
  consent(url: URL): Promise<URL>;
  close(): Promise<void>;
}

export async function openProvider(): Promise<TestProvider> {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const client = {
    client_id: 'easel',
    client_secret: 'a secret of the client',
    redirect_uris: ['http://localhost/none'],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code' as const],
  };
  let handle: RequestListener = () => undefined;
  const server: Server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const self: TestProvider = {
    issuer,
    clientId: client.client_id,
    clientSecret: client.client_secret,
    account: { sub: 'nobody' },
    isGone: false,
    givesRefreshTokens: true,
    allow(redirectUri) {
      client.redirect_uris = [redirectUri];
    },
    consent,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
  const provider = new Provider(issuer, {
    clients: [],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'preferred_username', 'groups'] },
    conformIdTokenClaims: false,
    features: { devInteractions: { enabled: true } },
    findAccount: (_context: unknown, id: string) =>
      self.isGone ? undefined : { accountId: id, claims: async () => ({ ...self.account, sub: id }) },
    issueRefreshToken: async () => self.givesRefreshTokens,
    jwks: { keys: [{ ...(await exportJWK(privateKey)), alg: 'RS256', use: 'sig', kid: 'one' }] },
    cookies: { keys: ['of the suite'] },
    pkce: { required: () => true },
  });
  // The client's redirect URIs are the test's to change.
  const { Client } = provider;
  Client.find = async (id) => (id === client.client_id ? new Client(client) : undefined);
  handle = provider.callback();

  async function consent(url: URL): Promise<URL> {
    const cookies = new Map<string, string>();
    let at = url;
    let body: URLSearchParams | null = null;
    for (let step = 0; step < 20; step++) {
      const response: Response = await fetch(at, {
        redirect: 'manual',
        method: body ? 'POST' : 'GET',
        headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
        ...(body ? { body } : {}),
      });
      for (const cookie of response.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
        cookies.set(name, value);
      }
      const location = response.headers.get('location');
      if (location) {
        at = new URL(location, at);
        body = null;
        if (at.origin !== issuer) return at;
        continue;
      }
      const page = await response.text();
      const [, action = ''] = /<form[^>]*action="([^"]+)"/.exec(page) ?? [];
      const prompt = /name="prompt" value="([^"]+)"/.exec(page)?.[1];
      if (!action || !prompt) throw new Error(`the provider says ${response.status}: ${page.slice(0, 500)}`);
      at = new URL(action, at);
      body = new URLSearchParams(prompt === 'login' ? { prompt, login: self.account.sub, password: 'x' } : { prompt });
    }
    throw new Error('the provider never sends back');
  }
  return self;
}
