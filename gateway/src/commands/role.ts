/** role list, permissions, create, delete; why. */
import {
  createRoleMutation,
  deleteRoleMutation,
  explainAccessQuery,
  permissionSourcesQuery,
  permissionsQuery,
  rolesQuery,
  type Source,
} from '../api/people.ts';
import type { Context } from '../context.ts';
import { findUser, pick } from './find.ts';
import { grantText } from './group.ts';

export async function listRoles({ api: open, out }: Context): Promise<void> {
  const roles = await (await open()).ask(rolesQuery, {}, { isRepeatable: true });
  out.json(roles);
  if (!out.isJson && roles.length === 0) out.note('no roles besides those that every installation has');
  if (roles.length > 0) {
    const rows = roles.map((role) => [
      role.name,
      role.scope,
      String(role.grantCount),
      role.permissions.join(' '),
      role.id,
    ]);
    out.table(['NAME', 'SCOPE', 'GIVEN', 'PERMISSIONS', 'ID'], rows);
  }
}

export async function listPermissions({ api: open, out }: Context): Promise<void> {
  const permissions = await (await open()).ask(permissionsQuery, {}, { isRepeatable: true });
  out.json(permissions);
  out.table(
    ['NAME', 'SCOPES', 'LETS ITS HOLDER'],
    permissions.map(({ name, scopes, description }) => [name, scopes.join(' '), description]),
  );
}

export async function createRole(
  { api: open, out }: Context,
  name: string,
  options: { permission: readonly string[]; system?: boolean; description?: string },
): Promise<void> {
  const { permission: permissions, description } = options;
  const input = { name, description, scope: options.system ? 'system' : 'namespace', permissions };
  const role = await (await open()).ask(createRoleMutation, { input });
  out.json(role);
  out.line(`The role ${role.name} is made`);
}

export async function deleteRole({ api: open, out }: Context, which: string): Promise<void> {
  const api = await open();
  const { id } = pick(await api.ask(rolesQuery, {}, { isRepeatable: true }), which, 'role');
  const role = await api.ask(deleteRoleMutation, { id });
  out.json(role);
  out.line(`The role ${role.name} is deleted`);
}

/** Every permission with its ways; with an act, whether the user may do it. */
export async function why(
  { api: open, out }: Context,
  login: string,
  act: string | undefined,
  thing: string | undefined,
): Promise<void> {
  const api = await open();
  const { id: user } = await findUser(api, login);
  if (act === undefined) {
    const found = await api.ask(permissionSourcesQuery, { id: user }, { isRepeatable: true });
    const sources = found?.permissionSources ?? [];
    out.json(sources);
    if (!out.isJson && sources.length === 0) out.note('nothing beyond what is their own');
    if (sources.length > 0)
      out.table(
        ['PERMISSION', 'BY'],
        sources.map((source) => [source.permission, wayText(source)]),
      );
    return;
  }
  const asked = { user, act: act.replace('.', '_'), thing };
  const told = await api.ask(explainAccessQuery, asked, { isRepeatable: true });
  out.json(told);
  out.line(`${told.isAllowed ? 'yes' : 'no'}: ${told.reason}`);
  for (const source of told.sources) out.line(`  ${source.permission} by ${wayText(source)}`);
}

function wayText({ role }: Source): string {
  return `${grantText(role)}${role.group ? `, by the group ${role.group.name}` : ''}`;
}
