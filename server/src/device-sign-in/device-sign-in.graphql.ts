import { builder } from '../api/builder.ts';
import { refusals } from '../api/refusals.ts';
import type { DeviceSignIn } from '../generated/prisma/client.ts';

const DeviceSignInType = builder.objectRef<DeviceSignIn>('DeviceSignIn').implement({
  description: 'An `easel` command on a machine without a browser that waits for somebody to sign it in.',
  fields: (t) => ({
    id: t.id({
      description: 'Names it in the audit log.',
      resolve: ({ deviceCodeHash }) => idOf(deviceCodeHash),
    }),
    name: t.exposeString('name', { description: 'What the machine calls itself: whoever began it chose the words.' }),
    address: t.exposeString('address', { nullable: true, description: 'Where it asked from.' }),
    isFromHere: t.boolean({
      description: 'From the address that the caller has, too.',
      resolve: ({ address: from }, _args, { address }) => from !== null && from === address,
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    expiresAt: t.expose('expiresAt', { type: 'DateTime' }),
  }),
});

/** As the audit log finds the id and name of what came of an act. */
const audited = (row: DeviceSignIn) => ({ ...row, id: idOf(row.deviceCodeHash) });

function idOf(deviceCodeHash: string): string {
  return deviceCodeHash.slice(0, 16);
}

builder.queryField('deviceSignIn', (t) =>
  t.field({
    type: DeviceSignInType,
    nullable: true,
    authScopes: { user: true },
    description: 'Who waits for an answer to this code. Wrong codes are counted.',
    args: { code: t.arg.string({ required: true }) },
    resolve: (_root, { code }, { services, actor, address }) => services.deviceSignIns.show(actor, code, address),
  }),
);

builder.mutationFields((t) => {
  const args = { code: t.arg.string({ required: true, description: 'As the command shows it.' }) };
  return {
    approveDeviceSignIn: t.field({
      type: DeviceSignInType,
      ...refusals('NOT_FOUND'),
      description: 'Lets the command have an API token of the caller, which may do all that the caller may.',
      args,
      resolve: async (_root, { code }, { services, actor, address }) =>
        audited(await services.deviceSignIns.answer(actor, code, { isAllowed: true, address })),
    }),
    denyDeviceSignIn: t.field({
      type: DeviceSignInType,
      ...refusals('NOT_FOUND'),
      args,
      resolve: async (_root, { code }, { services, actor, address }) =>
        audited(await services.deviceSignIns.answer(actor, code, { isAllowed: false, address })),
    }),
  };
});
