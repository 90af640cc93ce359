import { graphql, type ResultOf } from '#lib/api/graphql.ts';

export const platforms = graphql(`
  query Platforms {
    platforms { id name kind isOnline version runtime lastSeenAt relayUrl sshHost sshPort isIsolated notice }
  }
`);
export type Platform = ResultOf<typeof platforms>['platforms'][number];
