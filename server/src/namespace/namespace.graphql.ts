import { builder } from '../api/builder.ts';

/** Reached by what is in it, or by a role in it: whoever sees one of those sees the name. */
export const NamespaceType = builder.prismaObject('Namespace', {
  description: 'Templates and environments belong to one, and users and groups have roles in it.',
  fields: (t) => ({
    id: t.exposeID('id'),
    name: t.exposeString('name'),
  }),
});
