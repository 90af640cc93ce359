/** The mail server, as the environment names it. Only the shape is looked at: whether it answers is seen when mail is sent. */
import { Secret, secret } from '@easel/kit/config';
import { z } from 'zod';
import { isAddress } from './address.ts';

/** `implicit`: TLS from the first byte. `starttls`: asked for, and refused without. `none`: for a relay on the same machine. */
export const TLS_MODES = ['implicit', 'starttls', 'none'] as const;
export type TlsMode = (typeof TLS_MODES)[number];

export interface SmtpSettings {
  host: string;
  port: number;
  tls: TlsMode;
  user: string | null;
  password: Secret | null;
  from: { name: string; address: string };
  /** Certificates to trust besides the usual ones, in PEM. */
  ca: string | null;
}

const IMPLICIT_PORT = 465;
const SUBMISSION_PORT = 587;

const fromSchema = z
  .string()
  .max(300)
  .refine((text) => isAddress(parseFrom(text).address), 'expected an address, or a name and <an address>')
  .transform(parseFrom);

const urlSchema = z
  .url({ protocol: /^smtps?$/, error: 'expected smtp://user:password@host:587 or smtps://user:password@host' })
  .transform((text) => new Secret(text));

/** All that is given of `EASEL_SMTP_*`, as one value; null where neither a URL nor a host is given. */
export const mailConfig = z
  .object({
    /** smtp://user:password@host:587 or smtps://…; instead of the five that follow. */
    EASEL_SMTP_URL: urlSchema.optional(),
    EASEL_SMTP_HOST: z
      .string()
      .regex(/^[A-Za-z0-9.:-]{1,253}$/, 'expected a host name or an address')
      .optional(),
    EASEL_SMTP_PORT: z.coerce.number().int().min(1).max(65_535).optional(),
    EASEL_SMTP_USER: z.string().min(1).max(500).optional(),
    EASEL_SMTP_PASSWORD: secret().optional(),
    EASEL_SMTP_TLS: z.enum(TLS_MODES).optional(),
    EASEL_SMTP_CA: z.string().startsWith('-----BEGIN CERTIFICATE-----', 'expected certificates in PEM').optional(),
    /** Who the mails are from: `easel@example.com` or `Easel <easel@example.com>`. */
    EASEL_SMTP_FROM: fromSchema.optional(),
  })
  .transform((given, context): { smtp: SmtpSettings | null } => {
    const { EASEL_SMTP_URL: url, EASEL_SMTP_HOST: host, EASEL_SMTP_FROM: from } = given;
    if (!url && !host) return { smtp: null };
    const refuse = (name: string, message: string) => {
      context.addIssue({ code: 'custom', path: [name], message });
      return z.NEVER;
    };
    if (url && host) return refuse('EASEL_SMTP_HOST', 'set either this or EASEL_SMTP_URL, not both');
    if (!from) return refuse('EASEL_SMTP_FROM', 'is required with a mail server: who the mails are from');
    const place = url
      ? placeOf(new URL(url.reveal()))
      : { host: host ?? '', port: null, user: null, password: null, isImplicit: false };
    const port =
      place.port ??
      given.EASEL_SMTP_PORT ??
      (place.isImplicit || given.EASEL_SMTP_TLS === 'implicit' ? IMPLICIT_PORT : SUBMISSION_PORT);
    const usual: TlsMode = place.isImplicit || port === IMPLICIT_PORT ? 'implicit' : 'starttls';
    const user = place.user ?? given.EASEL_SMTP_USER ?? null;
    const password = place.password ?? given.EASEL_SMTP_PASSWORD ?? null;
    if ((user === null) !== (password === null)) {
      return refuse('EASEL_SMTP_PASSWORD', 'a user needs a password, and a password a user');
    }
    const ca = given.EASEL_SMTP_CA ?? null;
    return { smtp: { host: place.host, port, tls: given.EASEL_SMTP_TLS ?? usual, user, password, from, ca } };
  });

function placeOf(url: URL) {
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? null : Number(url.port),
    user: url.username === '' ? null : decodeURIComponent(url.username),
    password: url.password === '' ? null : new Secret(decodeURIComponent(url.password)),
    isImplicit: url.protocol === 'smtps:',
  };
}

function parseFrom(text: string): SmtpSettings['from'] {
  const [, name = '', address = text] = /^\s*"?([^"<>\r\n]*?)"?\s*<([^<>]+)>\s*$/.exec(text) ?? [];
  return { name: name.trim() || 'Easel', address: address.trim() };
}
