/** What is mailed about accounts: invitations, forgotten passwords, addresses to confirm, new devices. Links are followed. */
import { newId, type UserId } from '@easel/schema/ids';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openServer, suiteDatabase, type TestServer } from '../http/server.kit.ts';
import { createOutgoing } from '../jobs/outgoing.ts';
import { type Mailbox, openMailbox } from '../mail/mail.kit.ts';
import { newSecret } from '../secrets.ts';

let mailbox: Mailbox;
let server: TestServer;
let turns: ReturnType<typeof createOutgoing>;

beforeAll(async () => {
  mailbox = await openMailbox();
  server = await openServer(suiteDatabase(), mailbox.settings);
  const { db, log, clock } = server;
  turns = createOutgoing({ db, pool: server.database.pool, services: server.app.services, log, clock });
});
afterAll(async () => {
  await server.close();
  await mailbox.close();
});

/** Links are made after the answer. */
const WAIT = { timeout: 10_000, interval: 50 };
const tail = () => newId('event').slice(-12);
const PASSWORD = 'a good password';
const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(`${server.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
async function newPerson(fields: { emailVerifiedAt?: Date | null; passwordHash?: string | null } = {}) {
  const login = `p${tail()}`;
  const email = `${login}@example.com`;
  const passwordHash = await server.app.services.users.hash(PASSWORD);
  const id = newId('user') as UserId;
  await server.db.user.create({
    data: { id, login, name: login, email, emailVerifiedAt: new Date(), passwordHash, ...fields },
  });
  return { id, login, email };
}
const codeOf = (link: URL) => link.searchParams.get('code') ?? '';
const cookiesOf = (response: Response) =>
  response.headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0])
    .join('; ');
const signIn = (login: string, password = PASSWORD, cookie = '') =>
  post('/auth/sign-in', { login, password }, { cookie });
async function nextMail(to: string, count = 1) {
  await vi.waitFor(async () => {
    await turns.mails();
    expect(mailbox.to(to)).toHaveLength(count);
  }, WAIT);
  const mail = mailbox.to(to)[count - 1];
  if (!mail) throw new Error('no mail');
  return { ...mail, link: mailbox.linkOf(mail) };
}

describe('an invitation', () => {
  const invite = (email: string | null) =>
    server.ask(
      'mutation ($input: CreateInvitationInput!) { createInvitation(input: $input) { ... on CreatedInvitation { joinPath isMailed } ... on Refusal { code } } }',
      {
        input: { name: 'Bob', email },
      },
    );
  const join = (code: string) => post('/auth/join', { code, login: `j${tail()}`, name: 'Bob', password: PASSWORD });

  it('is mailed by a link of its own, which proves the address, and the inviter is told who came', async () => {
    const email = `${tail()}@example.com`;
    const { joinPath, isMailed } = (await invite(email)).data.createInvitation;
    expect(isMailed).toBe(true);
    const { link, parsed } = await nextMail(email);
    expect(parsed.subject).toBe('You are invited to Easel');
    expect(link.pathname + link.search).not.toBe(joinPath);
    expect((await join(codeOf(link))).status).toBe(204);
    const user = await server.db.user.findFirstOrThrow({ where: { email } });
    expect(user.emailVerifiedAt).not.toBeNull();
    const told = await server.db.notification.findFirst({ where: { kind: 'invitationAccepted', thingId: user.id } });
    expect(told?.userId).toBe(server.administrator.userId);
    expect((await join(new URL(joinPath, server.url).searchParams.get('code') ?? '')).status).toBe(401);
  });

  it('that was passed on by hand proves no address', async () => {
    const email = `${tail()}@example.com`;
    const { joinPath } = (await invite(email)).data.createInvitation;
    expect((await join(new URL(joinPath, server.url).searchParams.get('code') ?? '')).status).toBe(204);
    expect(await server.db.user.findFirst({ where: { email } })).toMatchObject({ emailVerifiedAt: null });
  });

  it('without an address is not mailed', async () => {
    expect((await invite(null)).data.createInvitation.isMailed).toBe(false);
  });
});

describe('a forgotten password', () => {
  it('is set anew by a link, once, and ends all sessions', async () => {
    const person = await newPerson();
    const before = await signIn(person.login);
    expect((await post('/auth/forgot', { who: person.login })).status).toBe(202);
    const { link } = await nextMail(person.email);
    expect(link.pathname).toBe('/reset');
    const reset = (password: string) => post('/auth/reset', { code: codeOf(link), password });
    expect((await reset('short')).status).toBe(400);
    const done = await reset('another good one');
    expect(done.status).toBe(204);
    expect(done.headers.getSetCookie()).toEqual([]);
    expect((await nextMail(person.email, 2)).parsed.subject).toBe('Your password was changed');
    expect((await reset('and yet another')).status).toBe(401);
    const { data } = await server.ask('{ me { id } }', {}, { cookie: cookiesOf(before) });
    expect(data?.me ?? null).toBeNull();
    expect((await signIn(person.login)).status).toBe(401);
    expect((await signIn(person.login, 'another good one')).status).toBe(204);
  });

  it.each([
    ['nobody', async () => 'nobody-at-all'],
    ['an address that nobody has confirmed', async () => (await newPerson({ emailVerifiedAt: null })).email],
    ['a login whose address nobody has confirmed', async () => (await newPerson({ emailVerifiedAt: null })).login],
  ])('of %s is answered alike, and nothing is mailed', async (_name, who) => {
    const before = await server.db.mail.count();
    const response = await post('/auth/forgot', { who: await who() });
    expect([response.status, await response.text()]).toEqual([202, '']);
    const known = await newPerson();
    await post('/auth/forgot', { who: known.email.toUpperCase() });
    await nextMail(known.email);
    expect(await server.db.mail.count()).toBe(before + 1);
  });

  it('that was never set is told so to whoever signs in elsewhere; who has no other way gets one', async () => {
    const elsewhere = await newPerson({ passwordHash: null });
    const moduleId = newId('signInModule');
    await server.db.signInModule.create({
      data: { id: moduleId, kind: 'oidc', name: tail(), position: 0, settings: {} },
    });
    await server.db.identity.create({ data: { moduleId, subject: 's', userId: elsewhere.id } });
    const lost = await newPerson({ passwordHash: null });
    for (const { login } of [elsewhere, lost]) await post('/auth/forgot', { who: login });
    expect((await nextMail(elsewhere.email)).parsed.subject).toBe('You sign in without a password');
    expect((await nextMail(lost.email)).parsed.subject).toBe('Set a new password');
    await server.db.signInModule.delete({ where: { id: moduleId } });
  });

  it('is asked for in the language of the browser, and not without end', async () => {
    const { login, email } = await newPerson();
    const answers = [];
    for (let i = 0; i < 12; i++)
      answers.push((await post('/auth/forgot', { who: login }, { 'accept-language': 'de' })).status);
    expect(answers).toContain(429);
    await vi.waitFor(
      async () => expect(await server.db.mailCode.count({ where: { user: { login } } })).toBeGreaterThan(0),
      WAIT,
    );
    await turns.mails();
    expect(mailbox.to(email).length).toBeLessThanOrEqual(3);
    expect(mailbox.to(email)[0]?.parsed.subject).toBe('Neues Passwort setzen');
  });
});

describe('an address', () => {
  const SET =
    'mutation ($email: String, $password: String) { setEmail(input: { email: $email, password: $password }) { ... on EmailChange { isMailed user { email } } ... on Refusal { code } } }';
  const CONFIRM =
    'mutation ($code: String!) { confirmEmail(code: $code) { ... on User { email emailVerifiedAt } ... on Refusal { code } } }';
  const signedIn = async (login: string) => ({ cookie: cookiesOf(await signIn(login)) });

  it('counts once its link was opened by the same user, and the old one is told', async () => {
    const person = await newPerson();
    const other = await newPerson();
    const headers = await signedIn(person.login);
    const email = `${tail()}@example.com`;
    expect((await server.ask(SET, { email }, headers)).data.setEmail.code).toBe('FORBIDDEN');
    const asked = await server.ask(SET, { email, password: PASSWORD }, headers);
    expect(asked.data.setEmail).toEqual({ isMailed: true, user: { email: person.email } });
    const { link } = await nextMail(email);
    const confirm = (of: Record<string, string>) => server.ask(CONFIRM, { code: codeOf(link) }, of);
    expect((await confirm(await signedIn(other.login))).data.confirmEmail.code).toBe('NOT_FOUND');
    expect((await confirm(headers)).data.confirmEmail).toMatchObject({ email, emailVerifiedAt: expect.any(String) });
    expect((await confirm(headers)).data.confirmEmail.code).toBe('NOT_FOUND');
    expect((await nextMail(person.email)).parsed.subject).toBe('Your e-mail address was changed');
  });

  it('is not changed by a token, and a code is not kept in the audit log', async () => {
    const user = await server.newUser();
    expect((await server.ask(SET, { email: 'a@example.com' }, user.headers)).data.setEmail.code).toBe('FORBIDDEN');
    const code = newSecret();
    await server.ask(CONFIRM, { code }, user.headers);
    const entries = await server.db.auditEntry.findMany({ where: { actorId: user.userId } });
    expect(JSON.stringify(entries, (_key, value) => (typeof value === 'bigint' ? String(value) : value))).not.toContain(
      code,
    );
  });

  it('is mailed five links a day at most', async () => {
    const person = await newPerson();
    const headers = await signedIn(person.login);
    const codes = [];
    for (let i = 0; i < 6; i++)
      codes.push(
        (await server.ask(SET, { email: `${i}${tail()}@example.com`, password: PASSWORD }, headers)).data.setEmail.code,
      );
    expect(codes[5]).toBe('QUOTA_EXCEEDED');
  });
});

it('a reset by an administrator is mailed to a confirmed address, and signs in once', async () => {
  const person = await newPerson();
  const { data } = await server.ask(
    `mutation { resetUserPassword(id: "${person.id}") { ... on PasswordReset { isMailed } } }`,
  );
  expect(data.resetUserPassword.isMailed).toBe(true);
  const { link } = await nextMail(person.email);
  expect((await post('/auth/sign-in', { code: codeOf(link) })).status).toBe(204);
  expect((await post('/auth/sign-in', { code: codeOf(link) })).status).toBe(401);
});

describe('a sign-in', () => {
  const told = (userId: string) => server.db.notification.findMany({ where: { userId, kind: 'newDevice' } });

  it('from the first browser, and again from the same one, is not told', async () => {
    const { id, login } = await newPerson();
    const first = await signIn(login);
    await signIn(login, PASSWORD, cookiesOf(first));
    expect(await told(id)).toEqual([]);
  });

  it('from another browser is told once', async () => {
    const { id, login, email } = await newPerson();
    await signIn(login);
    const second = await post(
      '/auth/sign-in',
      { login, password: PASSWORD },
      { 'user-agent': 'Evil\r\n/1.0'.replace('\r\n', ' ') },
    );
    await signIn(login, PASSWORD, cookiesOf(second));
    expect((await told(id)).map(({ values }) => values)).toEqual([expect.objectContaining({ device: 'Evil /1.0' })]);
    expect((await nextMail(email)).parsed.subject).toBe('Sign-in from a new device');
  });

  it('takes no made-up word for a device', async () => {
    const { login } = await newPerson();
    const response = await signIn(login, PASSWORD, 'easel_device=short');
    expect(cookiesOf(response)).toMatch(/easel_device=[A-Za-z0-9_-]{43}/);
  });
});
