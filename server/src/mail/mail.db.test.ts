/** The outbox against a mail server that takes, refuses, is away, and wants TLS. */

import { readConfig } from '@easel/kit/config';
import { newId } from '@easel/schema/ids';
import type { SMTPServerOptions } from 'smtp-server';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { selfSigned } from '../../../test/kit/tls.ts';
import { inTransaction } from '../db.ts';
import { openServer, suiteDatabase, type TestServer } from '../http/server.kit.ts';
import { createOutgoing } from '../jobs/outgoing.ts';
import { type Mailbox, openMailbox, smtpRefusal } from './mail.kit.ts';
import { mailConfig } from './mail-config.ts';
import { createSmtp } from './smtp.ts';
import { TEMPLATES } from './templates.ts';

let mailbox: Mailbox;
let server: TestServer;
const turns = (of: TestServer = server) =>
  createOutgoing({ db: of.db, pool: of.database.pool, services: of.app.services, log: of.log, clock: of.clock });
const address = () => `${newId('event').slice(-12)}@example.com`;
const invitation = TEMPLATES.invitation.en({
  invitedBy: 'Ada',
  name: 'Bob',
  until: 'Friday',
  path: '/join?code=secret-code',
});
const enqueue = (to: string) =>
  inTransaction(server.db, (tx) =>
    server.app.services.mails.enqueue(tx, 'invitation', { to, language: 'en', content: invitation }),
  );
const rowOf = () => server.db.mail.findFirstOrThrow();
/** As if the wait before the next try were over. */
const makeDue = () => server.db.mail.updateMany({ data: { runAt: new Date(0) } });

beforeAll(async () => {
  mailbox = await openMailbox();
  server = await openServer(suiteDatabase(), mailbox.settings);
});
afterAll(async () => {
  await server.close();
  await mailbox.close();
});
beforeEach(() => server.db.mail.deleteMany());
afterEach(() => {
  mailbox.behaviour.refuse = () => null;
});

describe('a mail of the outbox', () => {
  it('arrives once, as text and as HTML, from the address that is set', async () => {
    const to = address();
    await enqueue(to);
    await turns().mails();
    await turns().mails();
    const [mail, ...others] = mailbox.to(to);
    expect(others).toEqual([]);
    expect(mail?.parsed.subject).toBe('You are invited to Easel');
    expect(mail?.parsed.from?.text).toBe('"Easel" <easel@example.com>');
    expect(mail?.parsed.text).toContain('https://easel.example.com/join?code=secret-code');
    expect(mail?.parsed.html).toContain('Accept the invitation');
    expect(mail?.parsed.headers.get('auto-submitted')).toBe('auto-generated');
  });

  it('is not readable in the database, and gone from it once it is sent', async () => {
    await enqueue(address());
    const waiting = await rowOf();
    expect(JSON.stringify(waiting)).not.toMatch(/secret-code|example\.com/);
    await turns().mails();
    expect(await rowOf()).toMatchObject({ state: 'sent', sealed: null });
  });

  it('is not sent when the act that it tells of is undone', async () => {
    const undone = inTransaction(server.db, async (tx) => {
      await server.app.services.mails.enqueue(tx, 'invitation', { to: address(), language: 'en', content: invitation });
      throw new Error('undone');
    });
    await expect(undone).rejects.toThrow('undone');
    expect(await server.db.mail.count()).toBe(0);
  });

  it('is tried again with the same Message-ID while the server is busy', async () => {
    const to = address();
    mailbox.behaviour.refuse = () => smtpRefusal(451, 'try later');
    await enqueue(to);
    await turns().mails();
    const row = await rowOf();
    expect(row).toMatchObject({ state: 'waiting', attempts: 1, problem: '451 try later' });
    expect(row.runAt.getTime()).toBeGreaterThan(Date.now() + 20_000);
    mailbox.behaviour.refuse = () => null;
    await makeDue();
    await turns().mails();
    expect(mailbox.to(to).map(({ parsed }) => parsed.messageId)).toEqual([`<${row.id}@example.com>`]);
  });

  it('carries the Message-ID that it had, if the replica that sent it died before it could say so', async () => {
    const to = address();
    await enqueue(to);
    const row = await rowOf();
    await turns().mails();
    await server.db.mail.update({ where: { id: row.id }, data: { ...row, runAt: new Date(0) } });
    await turns().mails();
    const ids = mailbox.to(to).map(({ parsed }) => parsed.messageId);
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(1);
  });

  it('is sent by one of many replicas', async () => {
    const recipients = Array.from({ length: 30 }, address);
    for (const to of recipients) await enqueue(to);
    const replicas = Array.from({ length: 4 }, () => turns());
    await Promise.all(replicas.map((one) => one.mails()));
    await Promise.all(replicas.map((one) => one.mails()));
    for (const to of recipients) expect(mailbox.to(to)).toHaveLength(1);
  });

  it('is given up at once when the server refuses it for good, and administrators are told', async () => {
    mailbox.behaviour.refuse = () => smtpRefusal(550, 'no such user');
    const to = address();
    await enqueue(to);
    await turns().mails();
    const row = await rowOf();
    expect(row).toMatchObject({ state: 'given_up', problem: '550 no such user' });
    const { data } = await server.ask(
      '{ troubledMails { id to state problem } notifications(first: 5) { edges { node { kind thingId } } } }',
    );
    expect(data.troubledMails).toEqual([{ id: row.id, to, state: 'given_up', problem: '550 no such user' }]);
    const told = data.notifications.edges.map(({ node }: { node: unknown }) => node);
    expect(told).toContainEqual({ kind: 'mailGivenUp', thingId: row.id });
    mailbox.behaviour.refuse = () => null;
    await server.ask(`mutation { retryMail(id: "${row.id}") { ... on Mail { state } } }`);
    await turns().mails();
    expect(mailbox.to(to)).toHaveLength(1);
  });

  it('is given up after a day', async () => {
    mailbox.behaviour.refuse = () => smtpRefusal(451, 'try later');
    await enqueue(address());
    await server.db.mail.updateMany({ data: { createdAt: new Date(Date.now() - 25 * 3_600_000) } });
    await turns().mails();
    expect(await rowOf()).toMatchObject({ state: 'given_up' });
  });

  it('is one of thirty at most to one address within an hour', async () => {
    const to = address();
    const taken = [];
    for (let i = 0; i < 32; i++) taken.push(await enqueue(i % 2 ? to : to.toUpperCase()));
    expect(taken.filter(Boolean)).toHaveLength(30);
  });
});

describe('a test mail', () => {
  const send = `mutation { sendTestMail(to: "me@example.com") { __typename ... on TestMail { isAccepted answer } ... on Refusal { code message } } }`;

  it('says what the server answered', async () => {
    expect((await server.ask(send)).data.sendTestMail).toEqual({
      __typename: 'TestMail',
      isAccepted: true,
      answer: '250 OK: message queued',
    });
    mailbox.behaviour.refuse = () => smtpRefusal(554, 'we know you');
    expect((await server.ask(send)).data.sendTestMail).toMatchObject({ isAccepted: false, answer: '554 we know you' });
  });

  it.each(['a@b.example\\r\\nBcc: c@d.example', 'a@b.example, c@d.example'])(
    'goes to one plain address alone, not to %s',
    async (to) => {
      const { data } = await server.ask(send.replace('me@example.com', to));
      expect(data.sendTestMail.code).toBe('INVALID_INPUT');
    },
  );

  it('says why there is none, where mail is off', async () => {
    const { EASEL_PUBLIC_URL: _none, ...settings } = mailbox.settings;
    const without = await openServer(suiteDatabase(), settings);
    try {
      const { data } = await without.ask('{ mailStatus { isOn why } }');
      expect(data.mailStatus).toMatchObject({ isOn: false, why: expect.stringContaining('EASEL_PUBLIC_URL') });
      expect((await without.ask(send)).data.sendTestMail.code).toBe('WRONG_STATE');
    } finally {
      await without.close();
    }
  });
});

describe('a mail server that wants TLS', () => {
  const tls = selfSigned('localhost');
  const settingsOf = (port: number, more: Record<string, string>) => {
    const { smtp } = readConfig(mailConfig, {
      EASEL_SMTP_HOST: 'localhost',
      EASEL_SMTP_PORT: String(port),
      EASEL_SMTP_FROM: 'a@example.com',
      ...more,
    });
    if (!smtp) throw new Error('no settings');
    return smtp;
  };
  const message = { messageId: '<1@example.com>', to: 'b@example.com', subject: 's', text: 't', html: 'h' };
  const auth = { EASEL_SMTP_USER: 'me', EASEL_SMTP_PASSWORD: 'right' };
  const guarded: SMTPServerOptions = {
    ...tls,
    disabledCommands: [],
    onAuth: ({ username, password }, _session, done) =>
      username === 'me' && password === 'right' ? done(null, { user: 'me' }) : done(new Error('no')),
  };

  it.each([
    ['starttls', false],
    ['implicit', true],
  ] as const)('is spoken to by %s, with the password', async (mode, secure) => {
    const box = await openMailbox({ ...guarded, secure });
    try {
      const settings = { EASEL_SMTP_TLS: mode, EASEL_SMTP_CA: tls.cert, ...auth };
      expect(await createSmtp(settingsOf(box.port, settings))(message)).toMatchObject({ isAccepted: true });
      const wrong = await createSmtp(settingsOf(box.port, { ...settings, EASEL_SMTP_PASSWORD: 'wrong' }))(message);
      expect(wrong).toMatchObject({ isAccepted: false, isFinal: false });
      // A certificate that nobody vouches for.
      const stranger = await createSmtp(settingsOf(box.port, { EASEL_SMTP_TLS: mode, ...auth }))(message);
      expect(stranger).toMatchObject({
        isAccepted: false,
        isFinal: false,
        answer: expect.stringMatching(/certificate/i),
      });
    } finally {
      await box.close();
    }
  });

  it('that offers none gets nothing', async () => {
    expect(await createSmtp(settingsOf(mailbox.port, {}))(message)).toMatchObject({ isAccepted: false });
    expect(mailbox.to('b@example.com')).toEqual([]);
  });
});
