/** The server's API as a scheduler uses it: documents, and both directions parsed. */
import { type ApiClient, createApiClient } from '@easel/kit/api-client';
import type { Clock } from '@easel/kit/clock';
import type { Secret } from '@easel/kit/config';
import type { Log } from '@easel/kit/log';
import type { EnvironmentId, PlacementId } from '@easel/schema/ids';
import {
  type KnownEnvironment,
  knownEnvironmentSchema,
  type Observation,
  type Placement,
  placementSchema,
} from '@easel/schema/wire/placement';
import { z } from 'zod';
import type { PlatformState } from './platform.ts';

export interface PlatformHeartbeat extends PlatformState {
  version: string;
  kind: string;
  relayUrl: string;
  workerRelayUrl: string;
  sshHost: string;
  sshPort: number;
}

export interface SchedulerApi {
  heartbeat(beat: PlatformHeartbeat): Promise<void>;
  /** All placements that have not ended. */
  list(): Promise<Placement[]>;
  /** At most `claimLimit` of those that are due: now ours for `leaseSeconds`. */
  claim(): Promise<Placement[]>;
  /** Gives those that are still ours. */
  renew(ids: readonly PlacementId[]): Promise<PlacementId[]>;
  report(observations: readonly Observation[]): Promise<void>;
  /** What the server knows of these environments; an unknown one is left out. */
  known(ids: readonly EnvironmentId[]): Promise<KnownEnvironment[]>;
  /** Calls `onHint` when there may be something to claim, `onConnected` when hints may have been missed. */
  subscribe(options: { onHint: () => void; onConnected: () => void }): void;
}

/** How many placements one claim takes: their acts run side by side. */
export const claimLimit = 100;
/** An act renews long before; whoever dies loses what it held this much later. */
export const leaseSeconds = 20;

const documents = {
  heartbeat: 'mutation ($input: PlatformHeartbeatInput!) { platformHeartbeat(input: $input) { id } }',
  list: 'query { platformPlacements }',
  claim: `mutation ($limit: Int!, $leaseSeconds: Int!, $claimedBy: String!) {
    claimPlacements(limit: $limit, leaseSeconds: $leaseSeconds, claimedBy: $claimedBy) }`,
  renew: `mutation ($ids: [ID!]!, $leaseSeconds: Int!, $claimedBy: String!) {
    renewPlacements(ids: $ids, leaseSeconds: $leaseSeconds, claimedBy: $claimedBy) }`,
  report: 'mutation ($observations: [JSON!]!) { reportPlacements(observations: $observations) }',
  known: 'query ($ids: [ID!]!) { platformEnvironments(ids: $ids) }',
  changed: 'subscription { placementsChanged }',
} as const;

const placementsSchema = z.array(placementSchema);
const idsSchema = z.array(z.string());

export interface SchedulerApiOptions {
  url: string;
  token: Secret;
  /** The same after a restart, so that what was held is still ours. */
  claimedBy: string;
  log: Log;
  clock: Clock;
  signal: AbortSignal;
}

/** Connects when first used. Every call throws `ApiError`. */
export function createSchedulerApi(options: SchedulerApiOptions): SchedulerApi {
  const { url, token, claimedBy, log, clock, signal } = options;
  const client: ApiClient = createApiClient({ url, token: () => token.reveal(), log, clock, signal });
  return {
    async heartbeat(input) {
      await client.query(documents.heartbeat, { input });
    },
    async list() {
      const { platformPlacements } = await client.query<{ platformPlacements: unknown }>(documents.list);
      return placementsSchema.parse(platformPlacements);
    },
    async claim() {
      const variables = { limit: claimLimit, leaseSeconds, claimedBy };
      const { claimPlacements } = await client.query<{ claimPlacements: unknown }>(documents.claim, variables);
      return placementsSchema.parse(claimPlacements);
    },
    async renew(ids) {
      const variables = { ids, leaseSeconds, claimedBy };
      const { renewPlacements } = await client.query<{ renewPlacements: unknown }>(documents.renew, variables);
      return idsSchema.parse(renewPlacements) as PlacementId[];
    },
    async report(observations) {
      await client.query(documents.report, { observations });
    },
    async known(ids) {
      const { platformEnvironments } = await client.query<{ platformEnvironments: unknown }>(documents.known, { ids });
      return z.array(knownEnvironmentSchema).parse(platformEnvironments);
    },
    subscribe({ onHint, onConnected }) {
      client.subscribe(documents.changed, undefined, {
        onNext: onHint,
        onConnected,
        onError: (err) => log.debug({ err }, 'placements subscription failed'),
      });
    },
  };
}
