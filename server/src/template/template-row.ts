import type { NamespaceId, TemplateId } from '@easel/schema/ids';
import type { TemplateSpec } from '@easel/schema/template';
import type { Template } from '../generated/prisma/client.ts';

/** The row, with the shapes that its columns are known to hold: only this server writes them, parsed. */
export type TemplateRow = Omit<Template, 'id' | 'namespaceId' | 'env' | 'scripts' | 'sidecars' | 'instanceTypes'> & {
  id: TemplateId;
  namespaceId: NamespaceId;
} & Pick<TemplateSpec, 'env' | 'scripts' | 'sidecars' | 'instanceTypes'>;

/** What the row says, in the shape that the manifest and the command take. */
export function specOf(row: TemplateRow): TemplateSpec {
  const { name, description, projectRoot, image, env, scripts, sidecars, idePort, inactivityMinutes } = row;
  const repository = { url: row.repositoryUrl, branch: row.branch };
  const { instanceTypes } = row;
  const containers = { image, env, scripts, sidecars, idePort };
  return { name, description, repository, projectRoot, ...containers, inactivityMinutes, instanceTypes };
}
