/** Who the caller is, and what lets them in. */
import { z } from 'zod';
import { operation, REFUSAL } from './operation.ts';

export const meQuery = operation(
  'query { result: me { id login name email isAdministrator } }',
  z
    .object({
      id: z.string(),
      login: z.string(),
      name: z.string(),
      email: z.string().nullable(),
      isAdministrator: z.boolean(),
    })
    .nullable(),
);

const sshKeySchema = z.object({
  id: z.string(),
  name: z.string(),
  fingerprint: z.string(),
  algorithm: z.string(),
  createdAt: z.string(),
  expiresAt: z.string().nullable(),
  lastUsedAt: z.string().nullable(),
  lastUsedFrom: z.string().nullable(),
  verifyRequired: z.boolean(),
});
export type SshKey = z.output<typeof sshKeySchema>;
const SSH_KEY = 'id name fingerprint algorithm createdAt expiresAt lastUsedAt lastUsedFrom verifyRequired';

export const sshKeysQuery = operation(`query { result: sshKeys { ${SSH_KEY} } }`, z.array(sshKeySchema));

export const addSshKeyMutation = operation(
  `mutation ($input: AddSshKeyInput!) { result: addSshKey(input: $input) { ... on SshKey { ${SSH_KEY} } ${REFUSAL} } }`,
  sshKeySchema,
);

export const removeSshKeyMutation = operation(
  `mutation ($id: ID!) { result: removeSshKey(id: $id) { ... on SshKey { ${SSH_KEY} } ${REFUSAL} } }`,
  sshKeySchema,
);

export const createSshCertificateMutation = operation(
  `mutation ($input: CreateSshCertificateInput!) {
    result: createSshCertificate(input: $input) { ... on SshCertificate { certificate } ${REFUSAL} }
  }`,
  z.object({ certificate: z.string() }),
);

export const createTicketMutation = operation(
  `mutation ($input: CreateTicketInput!) {
    result: createTicket(input: $input) { ... on Ticket { relayUrl token expiresAt } ${REFUSAL} }
  }`,
  z.object({ relayUrl: z.url({ protocol: /^(https?|wss?)$/ }), token: z.string(), expiresAt: z.string() }),
);
