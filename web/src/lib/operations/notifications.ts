import { graphql, type ResultOf } from '#lib/api/graphql.ts';

const notificationFields = graphql(`
  fragment NotificationFields on Notification @_unmask {
    id kind title text path thingId createdAt readAt
  }
`);

export const notifications = graphql(
  `
  query Notifications($after: String, $isUnread: Boolean) {
    notifications(first: 30, after: $after, isUnread: $isUnread) {
      edges { node { ...NotificationFields } }
      pageInfo { hasNextPage endCursor }
    }
  }
`,
  [notificationFields],
);
export type Notification = ResultOf<typeof notifications>['notifications']['edges'][number]['node'];

export const inboxChanged = graphql(
  `
  subscription InboxChanged {
    inboxChanged { unreadCount newest { ...NotificationFields } }
  }
`,
  [notificationFields],
);

export const setNotificationRead = graphql(
  `
  mutation SetNotificationRead($id: ID!, $isRead: Boolean!) {
    result: setNotificationRead(id: $id, isRead: $isRead) {
      __typename
      ... on Notification { ...NotificationFields }
      ... on Refusal { code message }
    }
  }
`,
  [notificationFields],
);

export const setAllNotificationsRead = graphql(`
  mutation SetAllNotificationsRead {
    result: setAllNotificationsRead {
      __typename
      ... on MarkedRead { count }
      ... on Refusal { code message }
    }
  }
`);

export const preferences = graphql(`
  query NotificationPreferences {
    notificationPreferences { kind label isInbox isMail isMandatory }
    me { id email emailVerifiedAt language hasPassword }
  }
`);
export type Preference = ResultOf<typeof preferences>['notificationPreferences'][number];

export const setPreference = graphql(`
  mutation SetNotificationPreference($input: NotificationPreferenceInput!) {
    result: setNotificationPreference(input: $input) {
      __typename
      ... on NotificationPreference { kind label isInbox isMail isMandatory }
      ... on Refusal { code message }
    }
  }
`);

export const setEmail = graphql(`
  mutation SetEmail($input: SetEmailInput!) {
    result: setEmail(input: $input) {
      __typename
      ... on EmailChange { isMailed user { id email emailVerifiedAt } }
      ... on Refusal { code message }
    }
  }
`);

export const confirmEmail = graphql(`
  mutation ConfirmEmail($code: String!) {
    result: confirmEmail(code: $code) {
      __typename
      ... on User { id email emailVerifiedAt }
      ... on Refusal { code message }
    }
  }
`);

export const setLanguage = graphql(`
  mutation SetLanguage($language: Language) {
    result: setLanguage(language: $language) {
      __typename
      ... on User { id language }
      ... on Refusal { code message }
    }
  }
`);
