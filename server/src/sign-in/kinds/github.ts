/** GitHub, or a GitHub Enterprise server: OAuth 2, and a REST API that says who it is. */
import { z } from 'zod';
import { commonShape, isSafeAddress, type ModuleKind } from './common.ts';

/** `organisation`, or `organisation/team` with the team's slug. */
const organisationSchema = z
  .string()
  .trim()
  .toLowerCase()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,38})(?:\/[a-z0-9][a-z0-9_.-]{0,99})?$/, 'expected organisation or organisation/team');

export const githubSettingsSchema = z.object({
  kind: z.literal('github'),
  ...commonShape,
  /** Of the pages that people see; the API's follows from it. */
  url: z
    .string()
    .trim()
    .max(500)
    .refine(isSafeAddress, 'expected the https:// address of GitHub or of your GitHub Enterprise server')
    .default('https://github.com'),
  clientId: z.string().trim().min(1, 'expected the client’s id').max(500),
  /** Members of one of these alone; empty: everybody with an account there. */
  allowedOrganisations: z.array(organisationSchema).max(50).default([]),
});
export type GithubSettings = z.infer<typeof githubSettingsSchema>;

export const githubKind: ModuleKind<GithubSettings> = {
  schema: githubSettingsSchema,
  secretField: 'clientSecret',
  needsSecret: () => true,
  isMoved: (before, after) => before.url !== after.url || before.clientId !== after.clientId,
  addressOf: ({ url }) => url,
  startPath: (id) => `/auth/github/${id}/start`,
  callbackPath: (id) => `/auth/github/${id}/callback`,
};
