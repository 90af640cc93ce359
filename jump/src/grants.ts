/** Asks the server who may enter where. A yes carries a ticket for the relay; every no looks the same. */
import type { ApiClient } from '@easel/kit/api-client';
import { AppError } from '@easel/schema/errors';
import { ENVIRONMENT_PHASES } from '@easel/schema/states/environment';
import { z } from 'zod';

/** A person waits for the answer before they are asked for the passphrase. */
const timeoutMs = 5_000;

const document = /* GraphQL */ `
  mutation AuthorizeSsh($input: AuthorizeSshInput!) {
    authorizeSsh(input: $input) {
      __typename
      ... on SshGrant { userId environmentId environmentName phase relayUrl ticket }
      ... on Refusal { code message }
    }
  }
`;

const grantSchema = z.object({
  __typename: z.literal('SshGrant'),
  userId: z.string(),
  /** Null for a user's own login, from where an environment is named as the destination. */
  environmentId: z.string().nullable(),
  environmentName: z.string().nullable(),
  phase: z.enum(ENVIRONMENT_PHASES).nullable(),
  relayUrl: z.string().nullable(),
  /** Null while the environment cannot be reached. */
  ticket: z.string().nullable(),
});
export type Grant = Omit<z.infer<typeof grantSchema>, '__typename'>;

const answerSchema = z.object({
  authorizeSsh: z.union([grantSchema, z.object({ __typename: z.string(), code: z.string(), message: z.string() })]),
});

/** What somebody has proven to have. */
export type Credential =
  | {
      /** `algorithm base64`. */
      publicKey: string;
      /** What a security key said with its signature; absent for other keys, and before there is one. */
      isUserVerified?: boolean;
    }
  | {
      /** `type base64`; a signature of its key was checked, and itself. */
      certificate: string;
    };

export type Wish = Credential & {
  /** What came as the SSH user. */
  login: string;
  /** The destination of an `ssh -J`; absent for a direct login. */
  environment?: string;
  /** Where the person comes from. Absent while nothing is proven yet: no ticket is given then, and nothing noted. */
  address?: string;
};

export interface Grants {
  /** Null when the server says no. Throws when it does not say anything. */
  ask(wish: Wish): Promise<Grant | null>;
}

export function createGrants(api: Pick<ApiClient, 'query'>): Grants {
  return {
    async ask(wish) {
      const answer = answerSchema.parse(await api.query<unknown>(document, { input: wish }, { timeoutMs }));
      const { authorizeSsh: said } = answer;
      if ('userId' in said) return said;
      // FORBIDDEN is the one refusal; hostile names are refused for their form, which is no other answer for the person.
      if (said.code === 'FORBIDDEN' || said.code === 'INVALID_INPUT') return null;
      throw new AppError({
        code: 'INTERNAL',
        message: `the server refused the question itself: ${said.code} ${said.message}`,
      });
    },
  };
}

/** One sentence for a person whose environment cannot be entered now. */
export function whyNot(grant: Grant): string {
  const name = grant.environmentName ?? '';
  switch (grant.phase) {
    case null:
      return 'this login is only for "ssh -J": name an environment instead, as in "ssh <environment>@…"';
    case 'running':
      return `environment ${name} runs, but its platform has no relay to reach it by: ask your administrator`;
    case 'queued':
    case 'provisioning':
    case 'starting':
      return `environment ${name} is still starting (${grant.phase}): try again in a moment`;
    case 'interrupted':
      return `environment ${name} is interrupted: nothing has been heard of its worker for a while`;
    case 'stopping':
      return `environment ${name} is stopping`;
    case 'stopped':
    case 'archived':
      return `environment ${name} is ${grant.phase}: start it with "easel start ${name}" or in the browser`;
    case 'failed':
      return `environment ${name} has failed: "easel show ${name}" says why`;
    default:
      return `environment ${name} is being deleted`;
  }
}
