import type { Failure } from '@easel/schema/failure';
import type {
  EnvironmentId,
  InstanceTypeId,
  NamespaceId,
  PlatformId,
  SnapshotId,
  TemplateId,
  UserId,
} from '@easel/schema/ids';
import type { InstanceTypeSpec } from '@easel/schema/instance-type';
import type { Connectivity, DesiredState, EnvironmentPhase } from '@easel/schema/states/environment';
import type { TemplateSpec } from '@easel/schema/template';
import type { Environment } from '../generated/prisma/client.ts';
import type { SharedAccess } from '../rights/shared-access.ts';

/** Where things are inside, as the worker reported it. */
export interface Inside {
  user: string;
  home: string;
  project: string;
  shell: string;
}

type Narrowed = {
  id: EnvironmentId;
  namespaceId: NamespaceId;
  ownerId: UserId;
  templateId: TemplateId | null;
  platformId: PlatformId;
  phase: EnvironmentPhase;
  desired: DesiredState;
  connectivity: Connectivity;
  failure: Failure | null;
  spec: TemplateSpec;
  instanceTypeId: InstanceTypeId | null;
  /** As it was when the environment was created; null where the platform decides. */
  instanceType: InstanceTypeSpec | null;
  restoredFromId: SnapshotId | null;
  runtime: 'docker' | 'process' | null;
  inside: Inside | null;
};
/** The row, with the words and shapes that its columns are known to hold: only this server writes them, parsed. */
export type EnvironmentRow = Omit<Environment, keyof Narrowed> & Narrowed;

/** With what of it is shared with whoever asked for it. */
export type SeenEnvironment = EnvironmentRow & { shares: readonly SharedAccess[] };

/** What a transition or an adjustment may write beside the phase. */
export type EnvironmentFields = Partial<
  Pick<
    EnvironmentRow,
    | 'connectivity'
    | 'generation'
    | 'reason'
    | 'failure'
    | 'failedAt'
    | 'runtime'
    | 'inside'
    | 'startedAt'
    | 'stoppedAt'
    | 'deadlineAt'
    | 'deletedAt'
    | 'sshHostKey'
    | 'diskBytes'
    | 'diskCapacityBytes'
    | 'diskProblem'
    | 'cleanupAt'
    | 'cleanupWarnedAt'
    | 'keptAt'
  >
>;

export type NewEnvironment = Pick<
  EnvironmentRow,
  | 'id'
  | 'namespaceId'
  | 'ownerId'
  | 'templateId'
  | 'platformId'
  | 'name'
  | 'requestKey'
  | 'spec'
  | 'instanceTypeId'
  | 'instanceType'
  | 'diskBytes'
  | 'restoredFromId'
  | 'branch'
  | 'reason'
  | 'sshHostKey'
  | 'sshHostKeyFingerprint'
>;

/** What a scheduler is told of an environment with its placement. */
export type WantedOfPlatform = Pick<EnvironmentRow, 'id' | 'name' | 'instanceType' | 'diskBytes' | 'restoredFromId'>;
