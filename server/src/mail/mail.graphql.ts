import { asUser } from '../actor.ts';
import { builder } from '../api/builder.ts';
import { refusals } from '../api/refusals.ts';
import type { Tried } from '../outbox/outbox.ts';
import { may } from '../rights/may.ts';
import type { MailStatus, TroubledMail } from './mail.service.ts';

const MailStatusRef = builder.objectRef<MailStatus>('MailStatus').implement({
  fields: (t) => ({
    isOn: t.exposeBoolean('isOn'),
    why: t.exposeString('why', { nullable: true, description: 'Why there is no mail, and what to do.' }),
    server: t.exposeString('server', { nullable: true, description: 'Host, port and how it is encrypted.' }),
    from: t.exposeString('from', { nullable: true }),
    waitingCount: t.exposeInt('waiting'),
    sentCount: t.exposeInt('sent', { description: 'Of the last day.' }),
    givenUpCount: t.exposeInt('givenUp', { description: 'Of the last day.' }),
  }),
});

const MailStateEnum = builder.enumType('MailState', { values: ['waiting', 'sent', 'given_up'] as const });

const MailRef = builder.objectRef<TroubledMail>('Mail').implement({
  description: 'A mail that did not go out. What it says is not shown: it may hold a link for one person.',
  fields: (t) => ({
    id: t.exposeID('id'),
    to: t.exposeString('to', { nullable: true }),
    template: t.exposeString('template', { description: 'What kind of mail.' }),
    state: t.field({
      type: MailStateEnum,
      resolve: ({ state }) => (state === 'given_up' || state === 'sent' ? state : 'waiting'),
    }),
    attempts: t.exposeInt('attempts'),
    problem: t.exposeString('problem', { nullable: true, description: 'What the mail server said last.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
  }),
});

const TestMail = builder.objectRef<Tried>('TestMail').implement({
  fields: (t) => ({
    isAccepted: t.exposeBoolean('isAccepted', {
      description: 'The mail server has taken it; that is not yet arrival.',
    }),
    answer: t.exposeString('answer', { description: 'What the mail server said, or why it could not be asked.' }),
  }),
});

builder.queryFields((t) => ({
  mailStatus: t.field({
    type: MailStatusRef,
    authScopes: (_root, _args, { actor }) => may(actor, 'mail.inspect'),
    description: 'Whether mail works. For administrators.',
    resolve: (_root, _args, { services, actor }) => services.mails.status(actor),
  }),
  troubledMails: t.field({
    type: [MailRef],
    authScopes: (_root, _args, { actor }) => may(actor, 'mail.inspect'),
    description: 'Mails that were given up, and those that wait after a try that failed; the newest first.',
    resolve: (_root, _args, { services, actor }) => services.mails.troubled(actor),
  }),
}));

builder.mutationFields((t) => ({
  sendTestMail: t.field({
    type: TestMail,
    ...refusals('WRONG_STATE'),
    description: 'Sends a mail at once and waits for what the mail server says.',
    args: { to: t.arg.string({ required: true }) },
    resolve: (_root, { to }, { services, actor }) => services.mails.sendTest(asUser(actor), to),
  }),
  retryMail: t.field({
    type: MailRef,
    ...refusals('NOT_FOUND'),
    description: 'Puts a mail that was given up back into the queue.',
    args: { id: t.arg.id({ required: true }) },
    resolve: (_root, { id }, { services, actor }) => services.mails.retry(asUser(actor), id),
  }),
}));
