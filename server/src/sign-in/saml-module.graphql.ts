import { builder } from '../api/builder.ts';
import type { SettingsOf } from './module-settings.ts';

export const SamlModuleObject = builder.objectRef<SettingsOf<'saml'>>('SamlModule').implement({
  fields: (t) => ({
    entityId: t.exposeString('entityId'),
    entryPoint: t.exposeString('entryPoint'),
    certificates: t.exposeStringList('certificates'),
  }),
});

export const SamlModuleInput = builder.inputType('SamlModuleInput', {
  fields: (t) => ({
    entityId: t.string({ required: true, description: 'Who the provider says it is.' }),
    entryPoint: t.string({ required: true, description: 'Where the browser is sent to sign in.' }),
    certificates: t.stringList({ required: true, description: 'Of the provider, PEM: one of them must have signed.' }),
  }),
});
