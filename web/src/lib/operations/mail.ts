import { graphql, type ResultOf } from '#lib/api/graphql.ts';

export const mailStatus = graphql(`
  query MailStatus {
    mailStatus { isOn why server from waitingCount sentCount givenUpCount }
    troubledMails { id to template state attempts problem createdAt }
  }
`);
export type TroubledMail = ResultOf<typeof mailStatus>['troubledMails'][number];

export const sendTestMail = graphql(`
  mutation SendTestMail($to: String!) {
    result: sendTestMail(to: $to) {
      __typename
      ... on TestMail { isAccepted answer }
      ... on Refusal { code message }
    }
  }
`);

export const retryMail = graphql(`
  mutation RetryMail($id: ID!) {
    result: retryMail(id: $id) {
      __typename
      ... on Mail { id state }
      ... on Refusal { code message }
    }
  }
`);
