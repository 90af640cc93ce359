import { asUser } from '../actor.ts';
import { builder } from '../api/builder.ts';
import { refusals } from '../api/refusals.ts';
import type { RequestContext } from '../context.ts';
import type { Notification } from '../generated/prisma/client.ts';
import { liveStream } from '../live/stream.ts';
import { type Language, languageOf } from '../mail/language.ts';
import { isNotificationKind, kindOf, NOTIFICATION_KINDS } from './kinds.ts';
import type { Preference } from './notification.service.ts';
import { inboxText, pathOf } from './say.ts';

const NotificationKindEnum = builder.enumType('NotificationKind', { values: NOTIFICATION_KINDS });

async function languageFor({ actor, services }: RequestContext): Promise<Language> {
  return languageOf((await services.users.get(asUser(actor).userId)).language);
}

/** One that a newer release has written says nothing here. */
async function textOf(row: Notification, context: RequestContext): Promise<{ title: string; text: string }> {
  if (!isNotificationKind(row.kind)) return { title: row.kind, text: '' };
  const told = { kind: row.kind, thingId: row.thingId, values: row.values as Record<string, string> };
  return inboxText(told, await languageFor(context));
}

const NotificationNode = builder.prismaNode('Notification', {
  id: { field: 'id' },
  authScopes: ({ userId }, { actor }) => actor.kind === 'user' && actor.userId === userId,
  fields: (t) => ({
    kind: t.string({
      description: 'A `NotificationKind`; a newer server may know more of them.',
      resolve: ({ kind }) => kind,
    }),
    title: t.string({ resolve: async (row, _args, context) => (await textOf(row, context)).title }),
    text: t.string({ resolve: async (row, _args, context) => (await textOf(row, context)).text }),
    path: t.string({
      nullable: true,
      description: 'The page of the interface that it is about.',
      resolve: ({ kind, thingId }) => (isNotificationKind(kind) ? pathOf({ kind, thingId }) : null),
    }),
    thingId: t.exposeID('thingId', { nullable: true }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    readAt: t.expose('readAt', { type: 'DateTime', nullable: true }),
  }),
});

const InboxChange = builder.objectRef<{ unreadCount: number; newest: Notification | null }>('InboxChange').implement({
  fields: (t) => ({
    unreadCount: t.exposeInt('unreadCount'),
    newest: t.field({
      type: NotificationNode,
      nullable: true,
      description: 'The newest that is not read yet.',
      resolve: ({ newest }) => newest,
    }),
  }),
});

const MarkedRead = builder.objectRef<{ count: number }>('MarkedRead').implement({
  fields: (t) => ({ count: t.exposeInt('count', { description: 'How many were unread.' }) }),
});

const PreferenceRef = builder.objectRef<Preference>('NotificationPreference').implement({
  fields: (t) => ({
    kind: t.field({ type: NotificationKindEnum, resolve: ({ kind }) => kind }),
    label: t.string({
      resolve: async ({ kind }, _args, context) => kindOf(kind).label[await languageFor(context)],
    }),
    isInbox: t.exposeBoolean('isInbox'),
    isMail: t.exposeBoolean('isMail', { description: 'Sent only where there is mail, and to a confirmed address.' }),
    isMandatory: t.boolean({
      description: 'It guards the account or the work, and cannot be switched off.',
      resolve: ({ kind }) => kindOf(kind).isMandatory ?? false,
    }),
  }),
});

const PreferenceInput = builder.inputType('NotificationPreferenceInput', {
  fields: (t) => ({
    kind: t.field({ type: NotificationKindEnum, required: true }),
    isInbox: t.boolean({ required: true }),
    isMail: t.boolean({ required: true }),
  }),
});

builder.queryFields((t) => ({
  notifications: t.prismaConnection(
    {
      type: NotificationNode,
      cursor: 'id',
      authScopes: { user: true },
      description: "The caller's inbox, newest first. What is three months old is gone.",
      args: { isUnread: t.arg.boolean({ description: 'Only those that are not read yet.' }) },
      resolve: (query, _root, { isUnread }, { services, actor }) =>
        services.notifications.page(actor, query, isUnread ?? false),
    },
    { name: 'NotificationsConnection' },
    { name: 'NotificationsEdge' },
  ),
  notificationPreferences: t.field({
    type: [PreferenceRef],
    authScopes: { user: true },
    description: 'Where the caller is told of each kind of thing.',
    resolve: (_root, _args, { services, actor }) => services.notifications.preferences(actor),
  }),
}));

builder.subscriptionField('inboxChanged', (t) =>
  t.field({
    type: InboxChange,
    authScopes: { user: true },
    description: 'How many are unread: at once, then whenever something comes in or is read.',
    subscribe: (_root, _args, { live, services, actor }) =>
      liveStream(live.inbox(asUser(actor).userId), async () => [
        {
          unreadCount: await services.notifications.countUnread(actor),
          newest: await services.notifications.newestUnread(actor),
        },
      ]),
    resolve: (change) => change as { unreadCount: number; newest: Notification | null },
  }),
);

builder.mutationFields((t) => ({
  setNotificationRead: t.prismaField({
    type: NotificationNode,
    ...refusals('NOT_FOUND'),
    args: { id: t.arg.id({ required: true }), isRead: t.arg.boolean({ required: true }) },
    resolve: (_query, _root, { id, isRead }, { services, actor }) =>
      services.notifications.setRead(asUser(actor), id, isRead),
  }),
  setAllNotificationsRead: t.field({
    type: MarkedRead,
    ...refusals(),
    resolve: async (_root, _args, { services, actor }) => ({
      count: await services.notifications.setAllRead(asUser(actor)),
    }),
  }),
  setNotificationPreference: t.field({
    type: PreferenceRef,
    ...refusals('WRONG_STATE'),
    args: { input: t.arg({ type: PreferenceInput, required: true }) },
    resolve: (_root, { input }, { services, actor }) => services.notifications.setPreference(asUser(actor), input),
  }),
}));
