import { describe, expect, it } from 'vitest';
import { EMPTY_LDAP } from './ldap-form.ts';
import { formOf, formOfPreset, inputOf, wordsOf } from './module-form.ts';
import { MODULE_PRESETS } from './module-presets.ts';
import type { SignInModule } from './operations/sign-in-modules.ts';

const module: SignInModule = {
  id: 'sim1',
  kind: 'oidc',
  name: 'Company',
  isEnabled: true,
  issuer: 'https://id.example.com',
  clientId: 'easel',
  scopes: ['profile', 'email'],
  groupsClaim: 'roles',
  saml: null,
  mayRegister: true,
  allowedDomains: ['a.example', 'b.example'],
  trustsEmail: false,
  syncsGroups: true,
  role: 'viewer',
  callbackPath: '/auth/oidc/sim1/callback',
  ldap: null,
  allowedOrganisations: [],
};

describe('the form of a module', () => {
  it('sends what it was shown, and no secret when none was typed', () => {
    const { id: _, callbackPath: __, saml: ___, ldap: ____, allowedOrganisations: _____, ...sent } = module;
    expect(inputOf(formOf(module))).toEqual({ ...sent, clientSecret: null });
  });

  it('takes a typed secret, and lists with commas, spaces and lines', () => {
    const form = { ...formOf(module), clientSecret: 's', domains: 'a.example,\nb.example', scopes: 'openid  profile' };
    expect(inputOf(form)).toMatchObject({
      clientSecret: 's',
      allowedDomains: ['a.example', 'b.example'],
      scopes: ['profile'],
    });
    expect(wordsOf('  ')).toEqual([]);
  });

  it('sends a directory as it was shown, and its password only when it was typed', () => {
    const { bindPassword: _, ...ldap } = { ...EMPTY_LDAP, url: 'ldaps://a', baseDn: 'dc=a' };
    const form = formOf({ ...module, kind: 'ldap', ldap });
    expect(inputOf(form)).toMatchObject({ kind: 'ldap', ldap: { ...ldap, bindPassword: null } });
    form.ldap.bindPassword = 's';
    expect(inputOf(form).ldap?.bindPassword).toBe('s');
    expect(inputOf(form)).not.toHaveProperty('issuer');
  });

  it.each(MODULE_PRESETS.map((preset) => [preset.key, preset] as const))('begins with %s', (_key, preset) => {
    const { kind, name } = preset;
    expect(inputOf(formOfPreset(preset))).toMatchObject({ kind, name, mayRegister: false });
  });
});
