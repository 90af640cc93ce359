import { asUser } from '../actor.ts';
import { builder } from '../api/builder.ts';
import { refusals } from '../api/refusals.ts';
import type { SshCertificate } from './ssh-ca.service.ts';

const SshCertificateType = builder.objectRef<SshCertificate>('SshCertificate').implement({
  description:
    "Lets its holder's key enter for minutes, as an uploaded key does. It is worth nothing once the session or token that asked for it has ended.",
  fields: (t) => ({
    certificate: t.exposeString('certificate', { description: 'One line, as in ~/.ssh/id_ed25519-cert.pub.' }),
    serial: t.exposeString('serial'),
    keyId: t.exposeString('keyId', { description: 'The certificate, its user, and what it was got by.' }),
    principals: t.exposeStringList('principals', { description: "The user's id, or that of the one environment." }),
    fingerprint: t.exposeString('fingerprint', { description: 'Of the key.' }),
    validAfter: t.expose('validAfter', { type: 'DateTime' }),
    validBefore: t.expose('validBefore', { type: 'DateTime' }),
  }),
});

const CreateSshCertificateInput = builder.inputType('CreateSshCertificateInput', {
  fields: (t) => ({
    publicKey: t.string({ required: true, description: 'One line, as in a .pub file; any type that may be uploaded.' }),
    environment: t.id({ description: 'Id or name: it opens this one alone.' }),
    validSeconds: t.int({ description: '300 to 900; 600 when left out.' }),
    sourceAddresses: t.stringList({
      description: 'Good from these addresses and ranges alone, as the jump sees them.',
    }),
  }),
});

builder.mutationField('createSshCertificate', (t) =>
  t.field({
    type: SshCertificateType,
    ...refusals('NOT_FOUND'),
    description: 'For a key that need not be uploaded.',
    args: { input: t.arg({ type: CreateSshCertificateInput, required: true }) },
    resolve: (_root, { input }, { services, actor }) => services.sshCa.create(asUser(actor), input),
  }),
);
