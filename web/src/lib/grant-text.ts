/** Roles in words, whatever way somebody has them. */
import type { Grant } from '#lib/operations/groups.ts';
import { texts } from '#lib/texts.ts';

/** It is never called otherwise. */
const DEFAULT_NAMESPACE = 'default';

/** `Developer`, `System administrator`, or the name of a role that people made. */
export function grantText({ systemRole, role, custom }: Grant): string {
  if (systemRole) return texts.people.systemRoles[systemRole];
  if (role) return texts.people.roles[role];
  return custom?.name ?? texts.people.noRole;
}

/** `Developer`, or `Developer in web` where that is not the namespace that is meant anyhow. */
export function placedText(grant: Grant): string {
  const { namespace } = grant;
  return namespace && namespace.name !== DEFAULT_NAMESPACE ? wayText({ ...grant, group: null }) : grantText(grant);
}

/** The way by which it is had: `Developer in default, by the group Backend`. */
export function wayText(grant: Grant & { group: { name: string } | null }): string {
  const { group, namespace } = grant;
  const where = namespace ? texts.groups.inNamespace(namespace.name) : '';
  return [grantText(grant), where, group ? texts.groups.byGroup(group.name) : ''].filter(Boolean).join(' ');
}

/** As the API takes it back. */
export function grantInput({ systemRole, role, custom, namespace }: Grant) {
  return { systemRole, role, custom: custom?.id ?? null, namespace: namespace?.id ?? null };
}
