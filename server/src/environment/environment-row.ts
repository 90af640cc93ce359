import type { Failure } from '@easel/schema/failure';
import type { EnvironmentId, NamespaceId, PlatformId, TemplateId, UserId } from '@easel/schema/ids';
import type { Connectivity, DesiredState, EnvironmentPhase } from '@easel/schema/states/environment';
import type { TemplateSpec } from '@easel/schema/template';
import type { Environment } from '../generated/prisma/client.ts';

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
  runtime: 'docker' | 'process' | null;
  inside: Inside | null;
};
/** The row, with the words and shapes that its columns are known to hold: only this server writes them, parsed. */
export type EnvironmentRow = Omit<Environment, keyof Narrowed> & Narrowed;

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
  | 'branch'
  | 'reason'
  | 'sshHostKey'
  | 'sshHostKeyFingerprint'
>;
