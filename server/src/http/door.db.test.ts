/** What every request meets before anything else: headers, its address, limits. */
import { afterEach, expect, it } from 'vitest';
import { openServer, suiteDatabase, type TestServer } from './server.kit.ts';

let server: TestServer;
afterEach(() => server.close());

const open = async (overrides: Record<string, string> = {}) => {
  server = await openServer(suiteDatabase(), overrides);
};

it.each(['/', '/graphql', '/auth/modules', '/healthz', '/auth/sign-in'])(
  'no answer of %s may be framed, run or sniffed',
  async (path) => {
    await open();
    const { headers } = await fetch(`${server.url}${path}`);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-frame-options')).toBe('DENY');
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(headers.get('referrer-policy')).toBe('no-referrer');
    expect(headers.get('permissions-policy')).toContain('camera=()');
    expect(headers.get('strict-transport-security')).toBeNull();
  },
);

it('behind https, browsers are told to stay there', async () => {
  await open({ EASEL_PUBLIC_URL: 'https://easel.example.com' });
  expect((await fetch(server.url)).headers.get('strict-transport-security')).toBe('max-age=31536000');
});

const signInFrom = async (forwarded: string) => {
  await fetch(`${server.url}/auth/sign-in`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': forwarded },
    body: '{"login":"nobody","password":"wrong password"}',
  });
  const entry = await server.db.auditEntry.findFirst({ where: { action: 'signIn' }, orderBy: { id: 'desc' } });
  return entry?.address;
};

it('an address is what the proxies say that the administrator has, and no word of the caller', async () => {
  await open({ EASEL_PROXY_HOPS: '1' });
  expect(await signInFrom('6.6.6.6, 203.0.113.7')).toBe('203.0.113.7');
});

it('without a proxy, the header is the caller’s word alone', async () => {
  await open();
  expect(await signInFrom('203.0.113.7')).toBe('127.0.0.1');
});

it('a caller in a loop is slowed down, and is told for how long', async () => {
  await open({ EASEL_REQUESTS_PER_SECOND: '1', EASEL_STRANGERS_REQUESTS_PER_SECOND: '1' });
  const [looping, other] = [await server.newUser(), await server.newUser()];
  const ask = (headers: Record<string, string>) =>
    fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: '{"query":"{ me { id } }"}',
    });
  const loop = async (headers: Record<string, string>) => {
    for (let count = 0; count < 15; count++) {
      const response = await ask(headers);
      if (response.status === 429) return response;
    }
    return null;
  };
  const refused = await loop(looping.headers);
  expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await refused?.json()).toMatchObject({ errors: [{ extensions: { code: 'RATE_LIMITED' } }] });
  expect((await ask(other.headers)).status).toBe(200);
  // A token that is not good is a stranger's: guessing is slowed down too.
  expect((await loop({ authorization: 'Bearer easel_pat_wrong' }))?.status).toBe(429);
  expect((await ask(other.headers)).status).toBe(200);
});
