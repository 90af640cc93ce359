import { TOTP } from 'otpauth';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newSignInLink } from '../bootstrap.ts';
import { openServer, suiteDatabase, type TestServer } from '../http/server.kit.ts';

let server: TestServer;
let user: Awaited<ReturnType<TestServer['newUser']>>;
const password = 'correct horse battery';
beforeAll(async () => {
  server = await openServer(suiteDatabase());
});
beforeEach(async () => {
  user = await server.newUser();
  await server.app.services.users.setPassword(user, { password });
});
afterEach(() => server.app.services.factorPolicy.set(server.administrator, { isRequired: false, requiredRoles: [] }));
afterAll(() => server.close());

/** A browser: it keeps the cookies that it is given. */
function newBrowser() {
  const jar = new Map<string, string>();
  const cookie = () => [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
  const keep = (response: Response) => {
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') jar.delete(name);
      else jar.set(name, value);
    }
  };
  return {
    jar,
    async post(path: string, body: unknown = {}) {
      const headers = { 'content-type': 'application/json', cookie: cookie() };
      const response = await fetch(`${server.url}${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
      keep(response);
      const text = await response.text();
      return { status: response.status, body: text === '' ? null : JSON.parse(text) };
    },
    async ask(query: string) {
      const headers = { 'content-type': 'application/json', cookie: cookie() };
      const response = await fetch(`${server.url}/graphql`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ query }),
      });
      keep(response);
      return (await response.json()).data;
    },
    async login(): Promise<string | null> {
      return (await this.ask('{ me { login } }')).me?.login ?? null;
    },
  };
}
type Browser = ReturnType<typeof newBrowser>;

const withPassword = (browser: Browser) => browser.post('/auth/sign-in', { login: user.login, password });
const codeAt = (secret: string, stepsAhead = 0) =>
  new TOTP({ secret }).generate({ timestamp: Date.now() + stepsAhead * 30_000 });

/** Signed in, with an app set up: its secret, and the recovery codes. */
async function withApp(browser: Browser): Promise<{ secret: string; recoveryCodes: string[] }> {
  await withPassword(browser);
  const { body: begun } = await browser.post('/auth/set-up/totp');
  const { status, body } = await browser.post('/auth/set-up/totp/confirm', { code: codeAt(begun.secret, -1) });
  expect(status).toBe(200);
  return { secret: begun.secret, recoveryCodes: body.recoveryCodes };
}

describe('an authenticator app', () => {
  it('counts once a code of it has come, and is asked for after the password', async () => {
    const first = newBrowser();
    await withPassword(first);
    const { body: begun } = await first.post('/auth/set-up/totp');
    expect(begun).toMatchObject({ uri: expect.stringContaining(begun.secret), qr: { size: expect.any(Number) } });
    expect((await first.post('/auth/set-up/totp/confirm', { code: '000000' })).status).toBe(400);
    expect((await withPassword(newBrowser())).status).toBe(204);
    const before = first.jar.get('easel_session');
    const confirmed = await first.post('/auth/set-up/totp/confirm', { code: codeAt(begun.secret, -1) });
    expect(confirmed.body.recoveryCodes).toHaveLength(10);
    expect(first.jar.get('easel_session')).not.toBe(before);
    expect(await first.login()).toBe(user.login);

    const next = newBrowser();
    const asked = await withPassword(next);
    expect(asked).toMatchObject({ status: 200, body: { step: 'secondFactor', ways: ['totp', 'recoveryCode'] } });
    expect([...next.jar.keys()]).toEqual(['easel_half_open']);
    expect(await next.login()).toBeNull();
    expect((await next.post('/auth/step')).body).toEqual(asked.body);
    expect((await next.post('/auth/second-factor', { code: codeAt(begun.secret) })).status).toBe(204);
    expect([...next.jar.keys()].sort()).toEqual(['easel_device', 'easel_session']);
    expect(await next.login()).toBe(user.login);
  });

  it('ends what a password alone has opened before', async () => {
    const [other, own] = [newBrowser(), newBrowser()];
    await withPassword(other);
    await withApp(own);
    expect(await other.login()).toBeNull();
    expect(await own.login()).toBe(user.login);
  });

  it('has codes that are taken once, by whoever is first', async () => {
    const { secret } = await withApp(newBrowser());
    const browsers = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const browser = newBrowser();
        await withPassword(browser);
        return browser;
      }),
    );
    const code = codeAt(secret);
    const answers = await Promise.all(browsers.map((browser) => browser.post('/auth/second-factor', { code })));
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 401, 401, 401]);
  });

  it('is of no use to another browser, and a half-open sign-in opens nothing else', async () => {
    const { secret } = await withApp(newBrowser());
    const half = newBrowser();
    await withPassword(half);
    const stranger = newBrowser();
    expect((await stranger.post('/auth/second-factor', { code: codeAt(secret) })).status).toBe(401);
    expect((await half.post('/auth/set-up/totp')).status).toBe(401);
    expect((await half.post('/auth/prove', { password })).status).toBe(401);
    half.jar.set('easel_session', half.jar.get('easel_half_open') ?? '');
    expect(await half.login()).toBeNull();
  });

  it('is stored sealed, and recovery codes as hashes', async () => {
    const { secret, recoveryCodes } = await withApp(newBrowser());
    const stored = JSON.stringify([await server.db.totpFactor.findMany(), await server.db.recoveryCode.findMany()]);
    const audit = JSON.stringify(await server.db.auditEntry.findMany());
    for (const text of [secret, ...recoveryCodes]) {
      expect(stored).not.toContain(text);
      expect(audit).not.toContain(text);
    }
  });

  it('cannot be guessed: five tries for a password, ten in a quarter of an hour', async () => {
    await withApp(newBrowser());
    const tried: number[] = [];
    for (let round = 0; round < 3; round++) {
      const browser = newBrowser();
      await withPassword(browser);
      const wrong = () => browser.post('/auth/second-factor', { code: '000000' });
      tried.push(...(await Promise.all(Array.from({ length: 6 }, wrong))).map(({ status }) => status));
    }
    expect(tried.filter((status) => status === 429).length).toBeGreaterThanOrEqual(7);
    expect(new Set(tried)).toEqual(new Set([401, 429]));
  });
});

describe('a recovery code', () => {
  it('stands in once, and new ones end the old ones', async () => {
    const own = newBrowser();
    const { recoveryCodes } = await withApp(own);
    const [first = '', second = ''] = recoveryCodes;
    const use = async (code: string) => {
      const browser = newBrowser();
      await withPassword(browser);
      return (await browser.post('/auth/second-factor', { code })).status;
    };
    expect(await use(first.toUpperCase())).toBe(204);
    expect(await use(first)).toBe(401);
    const document =
      'mutation { createRecoveryCodes { ... on NewRecoveryCodes { recoveryCodes } ... on Refusal { code } } }';
    const made = (await own.ask(document)).createRecoveryCodes.recoveryCodes;
    expect(made).toHaveLength(10);
    expect(await use(second)).toBe(401);
    expect(await use(made[0])).toBe(204);
  });
});

describe('fresh proof', () => {
  const remove = 'mutation { removeAuthenticatorApp { __typename ... on Refusal { code } } }';
  const change = `mutation { setPassword(input: { current: "${password}", password: "another horse battery" }) {
    __typename ... on Refusal { code } } }`;

  /** As if the sign-in had been an hour ago. */
  const age = () =>
    server.db.session.updateMany({
      where: { userId: user.userId },
      data: { provedAt: new Date(Date.now() - 3_600_000) },
    });

  it('is needed for second factors, and given by a code, not by the password alone', async () => {
    const own = newBrowser();
    const { secret } = await withApp(own);
    await age();
    expect((await own.ask(remove)).removeAuthenticatorApp.code).toBe('PROOF_NEEDED');
    expect((await own.ask(change)).setPassword.code).toBe('PROOF_NEEDED');
    expect((await own.post('/auth/set-up/totp')).body.code).toBe('PROOF_NEEDED');
    expect((await own.post('/auth/prove', { password })).status).toBe(403);
    expect((await own.post('/auth/prove', { code: codeAt(secret) })).status).toBe(204);
    expect((await own.ask(remove)).removeAuthenticatorApp.__typename).toBe('SecondFactors');
    expect((await withPassword(newBrowser())).status).toBe(204);
  });

  it('is given by the password where there is nothing else', async () => {
    const own = newBrowser();
    await withPassword(own);
    await age();
    expect((await own.post('/auth/set-up/totp')).status).toBe(403);
    expect((await own.post('/auth/prove', { password: 'wrong' })).status).toBe(403);
    expect((await own.post('/auth/prove', { password })).status).toBe(204);
    expect((await own.post('/auth/set-up/totp')).status).toBe(200);
  });

  it('is never given by a token', async () => {
    await withApp(newBrowser());
    const { data } = await server.ask(remove, {}, user.headers);
    expect(data.removeAuthenticatorApp.code).toBe('PROOF_NEEDED');
  });

  it('is needed for a first password, which a stolen session would stay in by', async () => {
    const other = await server.newUser();
    const { secret } = await server.app.sessions.open(other.userId, { address: '', userAgent: null });
    await server.db.session.updateMany({ where: { userId: other.userId }, data: { provedAt: null } });
    const document = `mutation { setPassword(input: { password: "${password}" }) { __typename ... on Refusal { code } } }`;
    const { data } = await server.ask(document, {}, { cookie: `easel_session=${secret}` });
    expect(data.setPassword.code).toBe('PROOF_NEEDED');
  });
});

describe('the rules', () => {
  const set = (input: { isRequired: boolean; requiredRoles: ('administrator' | 'auditor')[] }) =>
    server.app.services.factorPolicy.set(server.administrator, input);

  it('let nobody in by a password alone, but to set up a factor', async () => {
    const before = newBrowser();
    await withPassword(before);
    await set({ isRequired: true, requiredRoles: [] });
    expect(await before.login()).toBeNull();
    const browser = newBrowser();
    expect(await withPassword(browser)).toMatchObject({ status: 200, body: { step: 'setUp', ways: [] } });
    expect(await browser.login()).toBeNull();
    const { body: begun } = await browser.post('/auth/set-up/totp');
    const done = await browser.post('/auth/set-up/totp/confirm', { code: codeAt(begun.secret) });
    expect(done.body.recoveryCodes).toHaveLength(10);
    expect(await browser.login()).toBe(user.login);
    const remove = 'mutation { removeAuthenticatorApp { __typename ... on Refusal { code } } }';
    expect((await browser.ask(remove)).removeAuthenticatorApp.code).toBe('WRONG_STATE');
  });

  it('are about a role where they say so', async () => {
    await set({ isRequired: false, requiredRoles: ['auditor'] });
    expect((await withPassword(newBrowser())).status).toBe(204);
    await server.db.user.update({ where: { id: user.userId }, data: { isAuditor: true } });
    expect((await withPassword(newBrowser())).body.step).toBe('setUp');
  });

  it('end an open socket too', async () => {
    const session = newBrowser();
    await withPassword(session);
    const { id } = await server.db.session.findFirstOrThrow({ where: { userId: user.userId } });
    expect((await server.app.authentication.stillGood([id])).size).toBe(1);
    await server.db.secondFactorRule.create({ data: { scope: 'everybody', isRequired: true } });
    expect((await server.app.authentication.stillGood([id])).size).toBe(0);
  });

  it('do not shut out the one who makes them', async () => {
    const administrator = await server.newUser({ systemRole: 'administrator' });
    await server.app.services.users.setPassword(administrator, { password });
    const given = { isRequired: true, requiredRoles: [] };
    await expect(server.app.services.factorPolicy.set(administrator, given)).rejects.toMatchObject({
      code: 'WRONG_STATE',
    });
    expect((await withPassword(newBrowser())).status).toBe(204);
  });

  it('do not ask those who come by a link', async () => {
    await set({ isRequired: true, requiredRoles: [] });
    const browser = newBrowser();
    const code = await server.app.sessions.newCode(user.userId, 60);
    expect((await browser.post('/auth/sign-in', { code })).status).toBe(204);
    expect(await browser.login()).toBe(user.login);
  });
});

describe('whoever has lost a factor', () => {
  it('gets back in when an administrator resets it', async () => {
    const own = newBrowser();
    await withApp(own);
    const document = `mutation { resetSecondFactors(id: "${user.userId}") { __typename ... on User { hasSecondFactor } } }`;
    const { data } = await server.ask(document);
    expect(data.resetSecondFactors).toEqual({ __typename: 'User', hasSecondFactor: false });
    expect(await own.login()).toBeNull();
    expect((await withPassword(newBrowser())).status).toBe(204);
    expect(await server.db.auditEntry.findFirst({ where: { action: 'resetSecondFactors' } })).toMatchObject({
      thingId: user.userId,
      outcome: 'done',
    });
  });

  it('is asked for it by a link that was only mailed', async () => {
    await withApp(newBrowser());
    const browser = newBrowser();
    const code = await server.app.sessions.newCode(user.userId, 60, { asksSecondFactor: true });
    expect((await browser.post('/auth/sign-in', { code })).body.step).toBe('secondFactor');
  });

  it('is the administrator: the link of whoever runs the server lets him in, and change them', async () => {
    const { userId, login } = server.administrator;
    await server.app.services.users.setPassword({ ...user, userId, login }, { password });
    user = { ...user, userId, login };
    await withApp(newBrowser());
    await server.db.user.update({ where: { id: userId }, data: { disabledAt: new Date(), isAdministrator: false } });
    const link = new URL(await newSignInLink(server.app, server.url));
    const browser = newBrowser();
    expect((await browser.post('/auth/sign-in', { code: link.searchParams.get('code') })).status).toBe(204);
    const remove = 'mutation { removeAuthenticatorApp { __typename } }';
    expect((await browser.ask(remove)).removeAuthenticatorApp.__typename).toBe('SecondFactors');
    await server.db.user.update({ where: { id: userId }, data: { passwordHash: null } });
  });
});
