/** group list, create, delete, members, add, remove. */
import type { Api } from '../api/api.ts';
import {
  changeGroupMembersMutation,
  createGroupMutation,
  deleteGroupMutation,
  type Grant,
  type Group,
  groupMembersQuery,
  groupsQuery,
  rolesQuery,
} from '../api/people.ts';
import type { Context } from '../context.ts';
import { findUser, pick } from './find.ts';

export async function listGroups({ api: open, out }: Context): Promise<void> {
  const groups = (await (await open()).ask(groupsQuery, {}, { isRepeatable: true })).edges.map(({ node }) => node);
  out.json(groups);
  if (!out.isJson && groups.length === 0) out.note('no groups');
  if (groups.length > 0) {
    const rows = groups.map((group) => [
      group.name,
      String(group.memberCount ?? ''),
      group.roles.map(grantText).join(', '),
      group.isProvisioned ? 'SCIM' : (group.externalName ?? ''),
      group.id,
    ]);
    out.table(['NAME', 'MEMBERS', 'ROLES', 'DIRECTORY', 'ID'], rows);
  }
}

export async function createGroup(
  { api: open, out }: Context,
  name: string,
  options: { description?: string; role?: readonly string[] },
): Promise<void> {
  const api = await open();
  const roles = await Promise.all((options.role ?? []).map((word) => roleInput(api, word)));
  const group = await api.ask(createGroupMutation, { input: { name, description: options.description, roles } });
  out.json(group);
  out.line(`The group ${group.name} is made`);
}

export async function deleteGroup({ api: open, out }: Context, which: string): Promise<void> {
  const api = await open();
  const { id } = await findGroup(api, which);
  const group = await api.ask(deleteGroupMutation, { id });
  out.json(group);
  out.line(`The group ${group.name} is deleted`);
}

export async function listMembers({ api: open, out }: Context, which: string): Promise<void> {
  const api = await open();
  const { id } = await findGroup(api, which);
  const found = await api.ask(groupMembersQuery, { id }, { isRepeatable: true });
  const members = found?.members.edges.map(({ node }) => node) ?? [];
  out.json(members);
  if (!out.isJson && members.length === 0) out.note('no members');
  if (members.length > 0)
    out.table(
      ['LOGIN', 'NAME', 'ID'],
      members.map(({ login, name, id }) => [login, name, id]),
    );
  if (found?.members.pageInfo.hasNextPage) out.note(`there are more than these ${members.length}`);
}

export async function addMembers(context: Context, which: string, logins: readonly string[]): Promise<void> {
  await changeMembers(context, which, 'add', logins);
}

export async function removeMembers(context: Context, which: string, logins: readonly string[]): Promise<void> {
  await changeMembers(context, which, 'remove', logins);
}

async function changeMembers(
  { api: open, out }: Context,
  which: string,
  what: 'add' | 'remove',
  logins: readonly string[],
): Promise<void> {
  const api = await open();
  const { id } = await findGroup(api, which);
  const users = await Promise.all(logins.map((login) => findUser(api, login)));
  const group = await api.ask(changeGroupMembersMutation, { id, [what]: users.map((user) => user.id) });
  out.json(group);
  out.line(`The group ${group.name} has ${group.memberCount} member${group.memberCount === 1 ? '' : 's'} now`);
}

async function findGroup(api: Api, nameOrId: string): Promise<Group> {
  const search = nameOrId.startsWith('grp') ? null : nameOrId;
  const found = await api.ask(groupsQuery, { search }, { isRepeatable: true });
  return pick(
    found.edges.map(({ node }) => node),
    nameOrId,
    'group',
  );
}

/** `developer`, `developer@web` for the namespace `web`, `system:auditor`, or the name of a role that people made. */
async function roleInput(api: Api, text: string): Promise<Record<string, string>> {
  if (text.startsWith('system:')) return { systemRole: text.slice('system:'.length) };
  const [, word = text, namespace] = /^(.+)@([a-z0-9-]+)$/.exec(text) ?? [];
  const where = namespace === undefined ? {} : { namespace };
  if (['administrator', 'developer', 'viewer'].includes(word)) return { role: word, ...where };
  const roles = await api.ask(rolesQuery, {}, { isRepeatable: true });
  // People may have put an "@" into the name itself.
  if (roles.some(({ name }) => name === text)) return { custom: pick(roles, text, 'role').id };
  return { custom: pick(roles, word, 'role').id, ...where };
}

export function grantText({ systemRole, role, custom, namespace }: Grant): string {
  const where = namespace ? ` in ${namespace.name}` : '';
  return `${systemRole ? `system:${systemRole}` : (role ?? custom?.name ?? '?')}${where}`;
}
