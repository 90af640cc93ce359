/**
 * Everything that anybody is told of, in one closed table: what the inbox and the mail say in every language, where it leads,
 * where it is told unless the person has chosen otherwise, and whether it may be switched off. What guards an account may not.
 */
import type { InEach, Language } from '../mail/language.ts';
import { FACTOR_CHANGES, isFactorChange } from './factor-changes.ts';

interface Said {
  title: string;
  text: string;
}

interface Kind<Value extends string = string> {
  /** In the list of preferences. */
  label: InEach<string>;
  says: InEach<(values: Record<Value, string>) => Said>;
  /** A page of the interface; null leads nowhere. */
  path: (thingId: string) => string;
  byDefault: { isInbox: boolean; isMail: boolean };
  /** Then neither inbox nor mail can be chosen against the default. */
  isMandatory?: true;
  /** Told to administrators: who is none is not asked about it. */
  isForAdministrators?: true;
}

const INBOX = { isInbox: true, isMail: false };
const BOTH = { isInbox: true, isMail: true };

function kind<Value extends string>(given: Kind<Value>): Kind<Value> {
  return given;
}

/** A newer release may know more of them. */
function factorChange(word: string, language: Language): string {
  return isFactorChange(word) ? FACTOR_CHANGES[word][language] : word;
}

export const KINDS = {
  environmentFailed: kind<'name' | 'problem'>({
    label: { en: 'An environment failed', de: 'Eine Umgebung ist fehlgeschlagen' },
    says: {
      en: ({ name, problem }) => ({ title: `${name} failed`, text: problem }),
      de: ({ name, problem }) => ({ title: `${name} ist fehlgeschlagen`, text: problem }),
    },
    path: (id) => `/environments/${id}`,
    byDefault: INBOX,
  }),
  snapshotFailed: kind<'name' | 'environment' | 'problem'>({
    label: { en: 'A snapshot failed', de: 'Ein Snapshot ist fehlgeschlagen' },
    says: {
      en: ({ name, environment, problem }) => ({ title: `Snapshot ${name} of ${environment} failed`, text: problem }),
      de: ({ name, environment, problem }) => ({
        title: `Snapshot ${name} von ${environment} ist fehlgeschlagen`,
        text: problem,
      }),
    },
    path: (id) => `/environments/${id}`,
    byDefault: INBOX,
  }),
  warmUpFailed: kind<'template' | 'problem'>({
    label: { en: 'A warm-up failed', de: 'Ein Warm-up ist fehlgeschlagen' },
    says: {
      en: ({ template, problem }) => ({ title: `Warm-up of ${template} failed`, text: problem }),
      de: ({ template, problem }) => ({ title: `Warm-up von ${template} ist fehlgeschlagen`, text: problem }),
    },
    path: (id) => `/templates/${id}`,
    byDefault: INBOX,
  }),
  cleanupWarning: kind<'name' | 'date'>({
    label: { en: 'An unused environment is going to be deleted', de: 'Eine ungenutzte Umgebung wird bald gelöscht' },
    says: {
      en: ({ name, date }) => ({
        title: `${name} is going to be deleted`,
        text: `Nobody has used it for a long time. It is deleted on ${date}, with its disk, unless you keep it.`,
      }),
      de: ({ name, date }) => ({
        title: `${name} wird bald gelöscht`,
        text: `Niemand hat sie seit Langem genutzt. Am ${date} wird sie samt Platte gelöscht, wenn Sie sie nicht behalten.`,
      }),
    },
    path: (id) => `/environments/${id}`,
    byDefault: BOTH,
    isMandatory: true,
  }),
  shareReceived: kind<'name' | 'by'>({
    label: { en: 'Somebody shares an environment with you', de: 'Jemand teilt eine Umgebung mit Ihnen' },
    says: {
      en: ({ name, by }) => ({ title: `${by} shares ${name} with you`, text: 'It is in your list of environments.' }),
      de: ({ name, by }) => ({
        title: `${by} teilt ${name} mit Ihnen`,
        text: 'Sie steht in Ihrer Liste der Umgebungen.',
      }),
    },
    path: (id) => `/environments/${id}`,
    byDefault: BOTH,
  }),
  shareEnded: kind<'name' | 'by'>({
    label: { en: 'An environment is shared with you no longer', de: 'Eine Umgebung wird nicht mehr mit Ihnen geteilt' },
    says: {
      en: ({ name, by }) => ({
        title: `${name} is shared with you no longer`,
        text: `What ${by} shared with you has ended, or was revoked.`,
      }),
      de: ({ name, by }) => ({
        title: `${name} wird nicht mehr mit Ihnen geteilt`,
        text: `Was ${by} mit Ihnen geteilt hat, ist abgelaufen oder wurde zurückgenommen.`,
      }),
    },
    path: () => '/',
    byDefault: INBOX,
  }),
  invitationAccepted: kind<'name' | 'login'>({
    label: { en: 'Somebody accepted your invitation', de: 'Jemand hat Ihre Einladung angenommen' },
    says: {
      en: ({ name, login }) => ({
        title: `${name} has joined`,
        text: `Your invitation was accepted: the login is ${login}.`,
      }),
      de: ({ name, login }) => ({
        title: `${name} ist beigetreten`,
        text: `Ihre Einladung wurde angenommen: Die Kennung ist ${login}.`,
      }),
    },
    path: () => '/platform/people',
    byDefault: INBOX,
  }),
  newDevice: kind<'device' | 'address' | 'when'>({
    label: { en: 'Sign-in from a new device', de: 'Anmeldung von einem neuen Gerät' },
    says: {
      en: ({ device, address, when }) => ({
        title: 'Sign-in from a new device',
        text: `${device}, from ${address}, on ${when}. If it was not you, end that session and set a new password.`,
      }),
      de: ({ device, address, when }) => ({
        title: 'Anmeldung von einem neuen Gerät',
        text: `${device}, von ${address}, am ${when}. Waren Sie es nicht, beenden Sie die Sitzung und setzen Sie ein neues Passwort.`,
      }),
    },
    path: () => '/settings/sessions',
    byDefault: BOTH,
    isMandatory: true,
  }),
  newCommand: kind<'device' | 'address' | 'when'>({
    label: { en: 'A command was signed in with a code', de: 'Ein Befehl wurde mit einem Code angemeldet' },
    says: {
      en: ({ device, address, when }) => ({
        title: 'The easel command was signed in',
        text: `On ${device}, from ${address}, on ${when}. If it was not you, revoke its token and set a new password.`,
      }),
      de: ({ device, address, when }) => ({
        title: 'Der Befehl easel wurde angemeldet',
        text: `Auf ${device}, von ${address}, am ${when}. Waren Sie es nicht, widerrufen Sie das Token und setzen Sie ein neues Passwort.`,
      }),
    },
    path: () => '/settings/tokens',
    byDefault: BOTH,
    isMandatory: true,
  }),
  passwordChanged: kind<'when'>({
    label: { en: 'Your password was changed', de: 'Ihr Passwort wurde geändert' },
    says: {
      en: ({ when }) => ({
        title: 'Your password was changed',
        text: `On ${when}. If it was not you, tell an administrator.`,
      }),
      de: ({ when }) => ({
        title: 'Ihr Passwort wurde geändert',
        text: `Am ${when}. Waren Sie es nicht, sagen Sie es einem Administrator.`,
      }),
    },
    path: () => '/settings/password',
    byDefault: BOTH,
    isMandatory: true,
  }),
  secondFactorChanged: kind<'what' | 'when'>({
    label: { en: 'Your second factor was changed', de: 'Ihr zweiter Faktor wurde geändert' },
    says: {
      en: ({ what, when }) => ({
        title: 'Your second factor was changed',
        text: `${factorChange(what, 'en')}, on ${when}. If it was not you, tell an administrator.`,
      }),
      de: ({ what, when }) => ({
        title: 'Ihr zweiter Faktor wurde geändert',
        text: `${factorChange(what, 'de')}, am ${when}. Waren Sie es nicht, sagen Sie es einem Administrator.`,
      }),
    },
    path: () => '/settings/security',
    byDefault: BOTH,
    isMandatory: true,
  }),
  tokenExpiring: kind<'name' | 'owner' | 'date'>({
    label: { en: 'An API token is about to expire', de: 'Ein API-Token läuft bald ab' },
    says: {
      en: ({ name, owner, date }) => ({
        title: `API token ${name} expires soon`,
        text: `The token of ${owner} is refused from ${date} on: make a new one for what uses it.`,
      }),
      de: ({ name, owner, date }) => ({
        title: `API-Token ${name} läuft bald ab`,
        text: `Das Token von ${owner} gilt ab ${date} nicht mehr: Erzeugen Sie ein neues für alles, was es nutzt.`,
      }),
    },
    path: () => '/settings/tokens',
    byDefault: BOTH,
  }),
  quotaReached: kind<'count' | 'who'>({
    label: { en: 'People reach their limits (once a day)', de: 'Grenzen werden erreicht (einmal am Tag)' },
    says: {
      en: ({ count, who }) => ({
        title: 'Limits were reached',
        text: `${count} times in a day something was refused because a limit was reached: ${who}.`,
      }),
      de: ({ count, who }) => ({
        title: 'Grenzen wurden erreicht',
        text: `${count} Mal an einem Tag wurde etwas abgelehnt, weil eine Grenze erreicht war: ${who}.`,
      }),
    },
    path: () => '/platform/audit?outcome=QUOTA_EXCEEDED',
    byDefault: INBOX,
    isForAdministrators: true,
  }),
  mailGivenUp: kind<'template' | 'problem'>({
    label: { en: 'A mail could not be sent', de: 'Eine Mail konnte nicht gesendet werden' },
    says: {
      en: ({ template, problem }) => ({
        title: 'A mail could not be sent',
        text: `It was given up (${template}): ${problem}`,
      }),
      de: ({ template, problem }) => ({
        title: 'Eine Mail konnte nicht gesendet werden',
        text: `Sie wurde aufgegeben (${template}): ${problem}`,
      }),
    },
    path: () => '/platform/mail',
    byDefault: INBOX,
    isForAdministrators: true,
  }),
  providerUnreachable: kind<'name' | 'problem'>({
    label: { en: 'A sign-in provider does not answer', de: 'Ein Anmeldeanbieter antwortet nicht' },
    says: {
      en: ({ name, problem }) => ({ title: `${name} does not answer`, text: `Nobody can sign in by it: ${problem}` }),
      de: ({ name, problem }) => ({
        title: `${name} antwortet nicht`,
        text: `Niemand kann sich damit anmelden: ${problem}`,
      }),
    },
    path: () => '/platform/sign-in',
    byDefault: BOTH,
    isForAdministrators: true,
  }),
  webhookOff: kind<'name' | 'problem'>({
    label: { en: 'A webhook was switched off', de: 'Ein Webhook wurde abgeschaltet' },
    says: {
      en: ({ name, problem }) => ({
        title: `Webhook ${name} was switched off`,
        text: `Nothing has reached it for days: ${problem}`,
      }),
      de: ({ name, problem }) => ({
        title: `Webhook ${name} wurde abgeschaltet`,
        text: `Seit Tagen kommt dort nichts mehr an: ${problem}`,
      }),
    },
    path: () => '/platform/webhooks',
    byDefault: BOTH,
    isForAdministrators: true,
  }),
} as const;

export type NotificationKind = keyof typeof KINDS;
export const NOTIFICATION_KINDS = Object.keys(KINDS) as NotificationKind[];

/** What must be said of each kind. */
export type ValuesOf<K extends NotificationKind> =
  (typeof KINDS)[K] extends Kind<infer Value> ? Record<Value, string> : never;

/** The table's entry, for callers that have whichever kind. */
export function kindOf(kind: NotificationKind): Kind {
  return KINDS[kind] as unknown as Kind;
}

export function isNotificationKind(word: string): word is NotificationKind {
  return Object.hasOwn(KINDS, word);
}
