/** Makes the one manifest that a worker gets: everything that it needs, told at once. */

import type { EnvironmentId, WorkerId } from '@easel/schema/ids';
import type { AuthorizedKey, Manifest } from '@easel/schema/wire/manifest';
import type { EnvironmentRow } from './environment-row.ts';

/** Steps that pull or clone may be slow on a slow line; containers have only to start. */
const LIMITS = { imageSeconds: 1800, sourcesSeconds: 1800, containersSeconds: 300 };

export function buildManifest(parts: {
  row: EnvironmentRow;
  workerId: WorkerId;
  owner: { login: string; name: string; email: string | null };
  /** What runs the worker bounds all that runs in it. */
  hasOwnShare: boolean;
  sshHostKey: string;
  authorizedKeys: AuthorizedKey[];
  certificateAuthorities: string[];
  defaultImage: string | null;
}): Manifest {
  const { row, workerId, owner } = parts;
  const { spec } = row;
  return {
    environmentId: row.id,
    environmentName: row.name,
    workerId,
    generation: row.generation,
    owner: { login: owner.login, name: owner.name, email: owner.email },
    sources: { url: spec.repository.url, branch: row.branch },
    projectRoot: spec.projectRoot,
    image: spec.image ?? parts.defaultImage,
    env: spec.env,
    scripts: {
      init: spec.scripts.init ?? null,
      start: spec.scripts.start ?? null,
      stop: spec.scripts.stop ?? null,
    },
    sidecars: spec.sidecars,
    idePort: spec.idePort,
    resources: parts.hasOwnShare
      ? { cpus: null, memoryBytes: null }
      : { cpus: row.instanceType?.cpus ?? null, memoryBytes: row.instanceType?.memoryBytes ?? null },
    sshHostKey: parts.sshHostKey,
    authorizedKeys: parts.authorizedKeys,
    certificateAuthorities: parts.certificateAuthorities,
    limits: LIMITS,
  };
}

/** What an environment's sealed host key is bound to: it is made with the environment, and the same for all its life. */
export function hostKeyPurpose(id: EnvironmentId): string {
  return `environments/${id}/ssh_host_key`;
}
