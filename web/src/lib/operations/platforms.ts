import { graphql, type ResultOf } from '#lib/api/graphql.ts';

/** What everybody may see; what is for administrators is empty or null for others. */
export const platformDetail = graphql(`
  fragment PlatformDetail on Platform @_unmask {
    id name kind isOnline isDraining version clusterVersion runtime lastSeenAt createdAt removedAt
    relayUrl sshHost sshPort isIsolated notice problems environmentCount
    features { snapshots { isAvailable reason } expansion { isAvailable reason } }
    storageClasses { name isDefault canExpand provisioner }
    settings settingsVersion settingsAppliedVersion appliedSettings settingsProblem
  }
`);
export type Platform = ResultOf<typeof platformDetail>;

export const platformsChanged = graphql(
  `
    subscription PlatformsChanged {
      platformsChanged { ...PlatformDetail }
    }
  `,
  [platformDetail],
);

export const platformChanged = graphql(
  `
    subscription PlatformChanged($id: ID!) {
      platformChanged(id: $id) { ...PlatformDetail }
    }
  `,
  [platformDetail],
);

/** What the create form chooses from. */
export const platformChoices = graphql(`
  query PlatformChoices {
    platforms { id name kind isOnline isDraining }
  }
`);

export const createPlatform = graphql(
  `
    mutation CreatePlatform($input: CreatePlatformInput!) {
      result: createPlatform(input: $input) {
        __typename
        ... on PlatformWithToken {
          token
          platform { ...PlatformDetail }
        }
        ... on Refusal { code message }
      }
    }
  `,
  [platformDetail],
);

export const rotatePlatformToken = graphql(
  `
    mutation RotatePlatformToken($id: ID!) {
      result: rotatePlatformToken(id: $id) {
        __typename
        ... on PlatformWithToken {
          token
          platform { ...PlatformDetail }
        }
        ... on Refusal { code message }
      }
    }
  `,
  [platformDetail],
);

export const updatePlatformSettings = graphql(
  `
    mutation UpdatePlatformSettings($id: ID!, $settings: JSON!) {
      result: updatePlatformSettings(id: $id, settings: $settings) {
        __typename
        ... on Platform { ...PlatformDetail }
        ... on Refusal { code message details }
      }
    }
  `,
  [platformDetail],
);

export const setPlatformDraining = graphql(
  `
    mutation SetPlatformDraining($id: ID!, $isDraining: Boolean!) {
      result: setPlatformDraining(id: $id, isDraining: $isDraining) {
        __typename
        ... on Platform { ...PlatformDetail }
        ... on Refusal { code message }
      }
    }
  `,
  [platformDetail],
);

export const removePlatform = graphql(`
  mutation RemovePlatform($id: ID!, $force: Boolean!) {
    result: removePlatform(id: $id, force: $force) {
      __typename
      ... on Platform { id removedAt }
      ... on Refusal { code message }
    }
  }
`);
