/** What modules are set to, by kind. The kind is a column of its own; the rest lies in one JSON value. */
import { z } from 'zod';
import { isNamespaceRole, type NamespaceRole } from '../rights/roles.ts';
import type { ModuleKind } from './kinds/common.ts';
import { githubKind, githubSettingsSchema } from './kinds/github.ts';
import { ldapKind, ldapSettingsSchema } from './kinds/ldap.ts';
import { oidcKind, oidcSettingsSchema } from './kinds/oidc.ts';
import { samlKind, samlSettingsSchema } from './kinds/saml.ts';

export const moduleSettingsSchema = z.discriminatedUnion('kind', [
  oidcSettingsSchema,
  githubSettingsSchema,
  ldapSettingsSchema,
  samlSettingsSchema,
]);
export type ModuleSettings = z.infer<typeof moduleSettingsSchema>;
export type ModuleSettingsInput = z.input<typeof moduleSettingsSchema>;
export type SignInKind = ModuleSettings['kind'];
export type SettingsOf<Kind extends SignInKind> = Extract<ModuleSettings, { kind: Kind }>;

const KINDS: { [Kind in SignInKind]: ModuleKind<SettingsOf<Kind>> } = {
  oidc: oidcKind,
  github: githubKind,
  ldap: ldapKind,
  saml: samlKind,
};
export const SIGN_IN_KINDS = Object.keys(KINDS) as SignInKind[];

/** The kind's own rules, for settings of any kind. */
export function kindOf<Settings extends ModuleSettings>({ kind }: Settings): ModuleKind<Settings> {
  return KINDS[kind] as unknown as ModuleKind<Settings>;
}

/** Of a stored row. */
export function settingsOf(row: { kind: string; settings: unknown }): ModuleSettings {
  return moduleSettingsSchema.parse({ ...(row.settings as object), kind: row.kind });
}

/** The settings when they are of this kind. */
export function ofKind<Kind extends SignInKind>(
  row: { kind: string; settings: unknown },
  kind: Kind,
): SettingsOf<Kind> | null {
  const settings = settingsOf(row);
  return settings.kind === kind ? (settings as SettingsOf<Kind>) : null;
}

export function roleOf({ role }: ModuleSettings): NamespaceRole | null {
  return role !== null && isNamespaceRole(role) ? role : null;
}
