import { builder } from '../api/builder.ts';
import { mustMay } from '../rights/may.ts';
import type { Verified } from './archive.ts';

const AuditEntryNode = builder.prismaNode('AuditEntry', {
  id: { field: 'id' },
  authScopes: (_entry, { actor }) => mustMay(actor, 'audit.read'),
  fields: (t) => ({
    at: t.expose('at', { type: 'DateTime' }),
    actorKind: t.exposeString('actorKind', {
      description: '`user`, `platform`, `anonymous`, or `server` for what it does by itself.',
    }),
    actorId: t.exposeString('actorId', { nullable: true }),
    actorLogin: t.exposeString('actorLogin', { nullable: true, description: 'As it was then.' }),
    credentialId: t.exposeString('credentialId', {
      nullable: true,
      description: 'The session, API token or SSH key that proved it.',
    }),
    address: t.exposeString('address', { nullable: true }),
    requestId: t.exposeString('requestId', { nullable: true }),
    action: t.exposeString('action', { description: 'The mutation, or `signIn`, `enterBySsh`.' }),
    thingId: t.exposeString('thingId', { nullable: true }),
    thingName: t.exposeString('thingName', { nullable: true }),
    outcome: t.exposeString('outcome', {
      description: '`done`, the code of an error, or `begun`: the server ended before it could say.',
    }),
    details: t.expose('details', { type: 'JSON', description: 'What was asked for, without what could be a secret.' }),
    isSealed: t.boolean({ description: 'It is part of the chain.', resolve: ({ number }) => number !== null }),
  }),
});

const AuditFilterInput = builder.inputType('AuditFilter', {
  fields: (t) => ({
    actor: t.string({ description: 'Id or login.' }),
    action: t.string(),
    thing: t.string({ description: 'Id or name.' }),
    outcome: t.string({ description: '`done`, `refused`, or one code.' }),
    from: t.field({ type: 'DateTime' }),
    to: t.field({ type: 'DateTime' }),
  }),
});

const AuditVerification = builder.objectRef<Verified>('AuditVerification').implement({
  fields: (t) => ({
    entries: t.exposeInt('entries', { description: 'How many were looked at.' }),
    isIntact: t.boolean({ resolve: ({ broken }) => broken === null }),
    brokenNumber: t.int({ nullable: true, resolve: ({ broken }) => broken?.number ?? null }),
    problem: t.string({ nullable: true, resolve: ({ broken }) => broken?.why ?? null }),
  }),
});

builder.queryFields((t) => ({
  auditEntries: t.prismaConnection(
    {
      type: AuditEntryNode,
      cursor: 'id',
      authScopes: (_root, _args, { actor }) => mustMay(actor, 'audit.read'),
      description: 'What was done, or tried, newest first. For administrators and auditors.',
      args: { filter: t.arg({ type: AuditFilterInput }) },
      resolve: ({ cursor, take, skip }, _root, { filter }, { services, actor }) => {
        const { actor: who, action, thing, outcome, from, to } = filter ?? {};
        return services.audit.page(
          actor,
          { ...(cursor ? { cursor } : {}), take, skip },
          {
            actor: who ?? null,
            action: action ?? null,
            thing: thing ?? null,
            outcome: outcome ?? null,
            from: from ?? null,
            to: to ?? null,
          },
        );
      },
    },
    { name: 'AuditEntriesConnection' },
    { name: 'AuditEntriesEdge' },
  ),
  verifyAudit: t.field({
    type: AuditVerification,
    authScopes: (_root, _args, { actor }) => mustMay(actor, 'audit.read'),
    description: 'Walks through the whole chain: what lies in the object store, and what does not yet.',
    complexity: 5000,
    resolve: (_root, _args, { services, actor }) => services.audit.verify(actor),
  }),
}));
