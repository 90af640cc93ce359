/** The server's API as a scheduler uses it: documents, and both directions parsed. */
import { type ApiClient, createApiClient } from '@easel/kit/api-client';
import type { Clock } from '@easel/kit/clock';
import type { Secret } from '@easel/kit/config';
import type { Log } from '@easel/kit/log';
import { type EnvironmentId, idSchema, type PlacementId } from '@easel/schema/ids';
import {
  type KnownEnvironment,
  knownEnvironmentSchema,
  type Observation,
  type Placement,
  placementSchema,
} from '@easel/schema/wire/placement';
import { type SnapshotObservation, type SnapshotTask, snapshotTaskSchema } from '@easel/schema/wire/snapshot';
import { z } from 'zod';
import type { PlatformState } from './platform.ts';

/** What the server answers to a heartbeat. Settings are parsed by the platform that has some: a mistake is theirs to tell. */
const answerSchema = z.object({
  id: idSchema('platform'),
  /** Raised by every change; 0 is the defaults. */
  settingsVersion: z.number().int(),
  settings: z.unknown(),
  /** The newest that we said to have taken: what to go back to after a restart. */
  settingsAppliedVersion: z.number().int().nullable(),
  appliedSettings: z.unknown(),
});
export type PlatformAnswer = z.infer<typeof answerSchema>;

export interface PlatformHeartbeat extends PlatformState {
  version: string;
  kind: string;
  relayUrl: string;
  workerRelayUrl: string;
  sshHost: string;
  sshPort: number;
}

export interface SchedulerApi {
  heartbeat(beat: PlatformHeartbeat): Promise<PlatformAnswer>;
  /** All placements that have not ended. */
  list(): Promise<Placement[]>;
  /** At most `claimLimit` of those that are due: now ours for `leaseSeconds`. */
  claim(): Promise<Placement[]>;
  /** Gives those that are still ours. */
  renew(ids: readonly PlacementId[]): Promise<PlacementId[]>;
  report(observations: readonly Observation[]): Promise<void>;
  /** What the server knows of these environments; an unknown one is left out. */
  known(ids: readonly EnvironmentId[]): Promise<KnownEnvironment[]>;
  /** Snapshots that are to be taken or deleted. */
  snapshots(): Promise<SnapshotTask[]>;
  reportSnapshots(observations: readonly SnapshotObservation[]): Promise<void>;
  /** Calls `onHint` when there may be something to claim, `onConnected` when hints may have been missed. */
  subscribe(options: { onHint: () => void; onConnected: () => void }): void;
}

/** How many placements one claim takes: their acts run side by side. */
export const claimLimit = 100;
/** Environments that wait for room are held, too, and may be many. */
const renewLimit = 2_000;
/** An act renews long before; whoever dies loses what it held this much later. */
export const leaseSeconds = 20;

const documents = {
  heartbeat: `mutation ($input: PlatformHeartbeatInput!) { platformHeartbeat(input: $input) {
    id settingsVersion settings settingsAppliedVersion appliedSettings } }`,
  list: 'query { platformPlacements }',
  claim: `mutation ($limit: Int!, $leaseSeconds: Int!, $claimedBy: String!) {
    claimPlacements(limit: $limit, leaseSeconds: $leaseSeconds, claimedBy: $claimedBy) }`,
  renew: `mutation ($ids: [ID!]!, $leaseSeconds: Int!, $claimedBy: String!) {
    renewPlacements(ids: $ids, leaseSeconds: $leaseSeconds, claimedBy: $claimedBy) }`,
  report: 'mutation ($observations: [JSON!]!) { reportPlacements(observations: $observations) }',
  known: 'query ($ids: [ID!]!) { platformEnvironments(ids: $ids) }',
  snapshots: 'query { platformSnapshots }',
  reportSnapshots: 'mutation ($observations: [JSON!]!) { reportSnapshots(observations: $observations) }',
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
    async heartbeat({ cluster, ...beat }) {
      const input = { ...beat, ...cluster };
      const { platformHeartbeat } = await client.query<{ platformHeartbeat: unknown }>(documents.heartbeat, { input });
      return answerSchema.parse(platformHeartbeat);
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
      const ours: PlacementId[] = [];
      for (let at = 0; at < ids.length; at += renewLimit) {
        const variables = { ids: ids.slice(at, at + renewLimit), leaseSeconds, claimedBy };
        const { renewPlacements } = await client.query<{ renewPlacements: unknown }>(documents.renew, variables);
        ours.push(...(idsSchema.parse(renewPlacements) as PlacementId[]));
      }
      return ours;
    },
    async report(observations) {
      await client.query(documents.report, { observations });
    },
    async known(ids) {
      const { platformEnvironments } = await client.query<{ platformEnvironments: unknown }>(documents.known, { ids });
      return z.array(knownEnvironmentSchema).parse(platformEnvironments);
    },
    async snapshots() {
      const { platformSnapshots } = await client.query<{ platformSnapshots: unknown }>(documents.snapshots);
      return z.array(snapshotTaskSchema).parse(platformSnapshots);
    },
    async reportSnapshots(observations) {
      await client.query(documents.reportSnapshots, { observations });
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
