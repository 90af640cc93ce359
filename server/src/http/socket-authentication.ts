import { randomBytes } from 'node:crypto';
import { unauthenticated } from '../actor.ts';
import { type Authentication, credentialOf, scopeKeyOf } from '../authentication.ts';
import type { GraphqlSocketOptions } from '../live/graphql-socket.ts';
import { addressOf } from './device.ts';

/** Who may open a GraphQL socket, and whether they still may: nobody without a token or a session. */
export function socketAuthentication(
  authentication: Authentication,
): Pick<GraphqlSocketOptions, 'authenticate' | 'recheck'> {
  return {
    async authenticate(connectionParams, request) {
      const actor = await authentication.ofSocket(connectionParams, request);
      if (actor.kind === 'anonymous') throw unauthenticated();
      return {
        credentialId: credentialOf(actor),
        scopeKey: scopeKeyOf(actor),
        initialContext: {
          actor,
          address: addressOf(request) || null,
          requestId: randomBytes(8).toString('hex'),
        },
      };
    },
    recheck: (credentialIds) => authentication.stillGood(credentialIds),
  };
}
