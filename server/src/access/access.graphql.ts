import { asPlatform, asUser } from '../actor.ts';
import { builder } from '../api/builder.ts';
import { PhaseEnum } from '../api/enums.ts';
import { refusals } from '../api/refusals.ts';
import type { SshGrant } from './ssh-access.service.ts';
import type { RelayTicket } from './ticket-access.service.ts';
import type { WaysIn, WaysInOptions } from './ways-in.ts';

export type AccessShape = WaysIn & WaysInOptions & { hostKeyFingerprint: string };

export const AccessType = builder.objectRef<AccessShape>('Access').implement({
  description: 'Ways in. Commands and links never carry a token.',
  fields: (t) => ({
    sshCommand: t.exposeString('sshCommand'),
    sshHost: t.exposeString('sshHost'),
    sshPort: t.exposeInt('sshPort'),
    sshUser: t.exposeString('name'),
    sshConfig: t.exposeString('sshConfig', { description: 'A block for ~/.ssh/config.' }),
    project: t.exposeString('project', { description: 'Folder of the project inside.' }),
    hostKeyFingerprint: t.exposeString('hostKeyFingerprint', {
      description: "The environment's own host key, seen through `ssh -J`.",
    }),
    vscodeUrl: t.exposeString('vscodeUrl'),
    cursorUrl: t.exposeString('cursorUrl'),
    windsurfUrl: t.exposeString('windsurfUrl'),
    zedUrl: t.exposeString('zedUrl'),
    gatewayUrl: t.exposeString('gatewayUrl'),
    toolboxUrl: t.exposeString('toolboxUrl'),
  }),
});

const TicketType = builder.objectRef<RelayTicket>('Ticket').implement({
  description: 'Lets its holder open streams to one target of one environment, for some minutes.',
  fields: (t) => ({
    relayUrl: t.exposeString('relayUrl'),
    token: t.exposeString('token'),
    expiresAt: t.expose('expiresAt', { type: 'DateTime' }),
  }),
});

const CreateTicketInput = builder.inputType('CreateTicketInput', {
  fields: (t) => ({
    environment: t.id({ required: true, description: 'Id or name.' }),
    port: t.int({ description: "A TCP port on the environment's own loopback." }),
    ssh: t.boolean({ description: "Instead of a port: its SSH side, which checks the caller's key itself." }),
  }),
});

const SshGrantType = builder.objectRef<SshGrant>('SshGrant').implement({
  description: 'The fields of the environment are null when the login was the user’s own and no destination was named.',
  fields: (t) => ({
    userId: t.exposeID('userId'),
    environmentId: t.id({ nullable: true, resolve: ({ environment }) => environment?.id ?? null }),
    environmentName: t.string({ nullable: true, resolve: ({ environment }) => environment?.name ?? null }),
    phase: t.field({ type: PhaseEnum, nullable: true, resolve: ({ environment }) => environment?.phase ?? null }),
    relayUrl: t.exposeString('relayUrl', { nullable: true }),
    ticket: t.exposeString('ticket', { nullable: true, description: 'Null while the environment does not run.' }),
  }),
});

const AuthorizeSshInput = builder.inputType('AuthorizeSshInput', {
  fields: (t) => ({
    login: t.string({
      required: true,
      description: "The SSH user: an environment's name or id, or (for `ssh -J`) the key owner's login.",
    }),
    publicKey: t.string({ description: '`algorithm base64`: the key whose signature was checked.' }),
    certificate: t.string({
      description: '`type base64`, in place of a key: one that createSshCertificate has given.',
    }),
    isUserVerified: t.boolean({ description: 'Whether a security key said that it asked for a PIN or a finger.' }),
    environment: t.string({ description: 'The destination of an `ssh -J`.' }),
    address: t.string({
      description:
        'Where the client comes from. Left out while it has not signed yet: then there is no ticket, and nothing is noted.',
    }),
  }),
});

builder.mutationFields((t) => ({
  createTicket: t.field({
    type: TicketType,
    ...refusals('NOT_FOUND', 'ENVIRONMENT_NOT_RUNNING'),
    args: { input: t.arg({ type: CreateTicketInput, required: true }) },
    resolve: (_root, { input }, { services, actor }) => services.ticketAccess.create(asUser(actor), input),
  }),
  authorizeSsh: t.field({
    type: SshGrantType,
    ...refusals(),
    description: 'For jumps. Anything that is wrong is Forbidden, with one same message.',
    args: { input: t.arg({ type: AuthorizeSshInput, required: true }) },
    resolve: (_root, { input }, { services, actor }) => services.sshAccess.authorize(asPlatform(actor), input),
  }),
}));
