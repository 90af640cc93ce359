/**
 * What our mails say, in every language: one entry per mail. Mails that tell of something in the inbox are not here; they say
 * what the inbox says (notification/kinds.ts). Values are cleaned here, once, so that no entry can forget it.
 */
import { cleanValue } from './clean.ts';
import type { InEach } from './language.ts';
import type { MailContent } from './layout.ts';

type Write<Value extends string> = (values: Record<Value, string>) => MailContent;

/** `path` is the one value that is not for reading: it goes into the link as it is. */
function template<Value extends string>(texts: InEach<Write<Value>>): InEach<Write<Value>> {
  const cleaned =
    (write: Write<Value>): Write<Value> =>
    (values) => {
      const entries = Object.entries<string>(values).map(([name, text]) => [
        name,
        name === 'path' ? text : cleanValue(text),
      ]);
      return write(Object.fromEntries(entries) as Record<Value, string>);
    };
  return { en: cleaned(texts.en), de: cleaned(texts.de) };
}

export const TEMPLATES = {
  test: template<never>({
    en: () => ({ subject: 'A test mail of Easel', paragraphs: ['Mail works.'], action: null }),
    de: () => ({ subject: 'Testnachricht von Easel', paragraphs: ['Der Versand funktioniert.'], action: null }),
  }),

  invitation: template<'invitedBy' | 'name' | 'until' | 'path'>({
    en: ({ invitedBy, name, until, path }) => ({
      subject: 'You are invited to Easel',
      paragraphs: [
        `Hello ${name},`,
        `${invitedBy} has invited you to Easel, where development environments run ready to work in.`,
        `The invitation is for you alone, can be used once, and is good until ${until}.`,
      ],
      action: { label: 'Accept the invitation', path },
    }),
    de: ({ invitedBy, name, until, path }) => ({
      subject: 'Sie sind zu Easel eingeladen',
      paragraphs: [
        `Guten Tag ${name},`,
        `${invitedBy} hat Sie zu Easel eingeladen, wo Entwicklungsumgebungen fertig eingerichtet laufen.`,
        `Die Einladung gilt nur für Sie, einmal, und bis ${until}.`,
      ],
      action: { label: 'Einladung annehmen', path },
    }),
  }),

  forgotPassword: template<'login' | 'path'>({
    en: ({ login, path }) => ({
      subject: 'Set a new password',
      paragraphs: [
        `Somebody, hopefully you, wants to set a new password for ${login}.`,
        'The link is good for one hour and works once. It ends all sessions. If it was not you, do nothing: the present password stays.',
      ],
      action: { label: 'Set a new password', path },
    }),
    de: ({ login, path }) => ({
      subject: 'Neues Passwort setzen',
      paragraphs: [
        `Jemand, hoffentlich Sie, möchte ein neues Passwort für ${login} setzen.`,
        'Der Link gilt eine Stunde und einmal. Er beendet alle Sitzungen. Waren Sie es nicht, tun Sie nichts: Das jetzige Passwort bleibt.',
      ],
      action: { label: 'Neues Passwort setzen', path },
    }),
  }),

  noPassword: template<'login' | 'path'>({
    en: ({ login, path }) => ({
      subject: 'You sign in without a password',
      paragraphs: [
        `Somebody, hopefully you, wants to set a new password for ${login}. This user has no password here: sign in with your provider, as before.`,
      ],
      action: { label: 'Sign in', path },
    }),
    de: ({ login, path }) => ({
      subject: 'Sie melden sich ohne Passwort an',
      paragraphs: [
        `Jemand, hoffentlich Sie, möchte ein neues Passwort für ${login} setzen. Dieser Benutzer hat hier kein Passwort: Melden Sie sich wie bisher bei Ihrem Anbieter an.`,
      ],
      action: { label: 'Anmelden', path },
    }),
  }),

  resetByAdministrator: template<'login' | 'path'>({
    en: ({ login, path }) => ({
      subject: 'Your password was reset',
      paragraphs: [
        `An administrator has taken away the password of ${login}. This link signs you in, once, within a day; then set a new one in the settings.`,
      ],
      action: { label: 'Sign in', path },
    }),
    de: ({ login, path }) => ({
      subject: 'Ihr Passwort wurde zurückgesetzt',
      paragraphs: [
        `Ein Administrator hat das Passwort von ${login} entfernt. Dieser Link meldet Sie einmal an, innerhalb eines Tages; setzen Sie dann in den Einstellungen ein neues.`,
      ],
      action: { label: 'Anmelden', path },
    }),
  }),

  confirmEmail: template<'login' | 'path'>({
    en: ({ login, path }) => ({
      subject: 'Confirm your e-mail address',
      paragraphs: [
        `The user ${login} of Easel wants to use this address. If that is you, confirm it within a day; if not, do nothing.`,
      ],
      action: { label: 'Confirm the address', path },
    }),
    de: ({ login, path }) => ({
      subject: 'E-Mail-Adresse bestätigen',
      paragraphs: [
        `Der Easel-Benutzer ${login} möchte diese Adresse verwenden. Sind Sie das, bestätigen Sie sie innerhalb eines Tages; wenn nicht, tun Sie nichts.`,
      ],
      action: { label: 'Adresse bestätigen', path },
    }),
  }),

  emailChanged: template<'login'>({
    en: ({ login }) => ({
      subject: 'Your e-mail address was changed',
      paragraphs: [
        `The user ${login} of Easel has another e-mail address from now on. If it was not you, tell an administrator.`,
      ],
      action: null,
    }),
    de: ({ login }) => ({
      subject: 'Ihre E-Mail-Adresse wurde geändert',
      paragraphs: [
        `Der Easel-Benutzer ${login} hat ab jetzt eine andere E-Mail-Adresse. Waren Sie es nicht, sagen Sie es einem Administrator.`,
      ],
      action: null,
    }),
  }),
} as const;
