/** What a notification says to one person: in the inbox as it is, in a mail with values that cannot do harm there. Pure. */
import { cleanValue } from '../mail/clean.ts';
import type { InEach, Language } from '../mail/language.ts';
import type { MailContent } from '../mail/layout.ts';
import { kindOf, type NotificationKind } from './kinds.ts';

export interface Told {
  kind: NotificationKind;
  thingId: string | null;
  values: Record<string, string>;
}

/** Values under these names are instants. */
const MOMENTS = new Set(['when', 'date']);

const OPEN: InEach<string> = { en: 'Open in Easel', de: 'In Easel öffnen' };

/** Whole, and in a time that everybody can convert: nobody has told us where the reader is. */
export function momentText(moment: Date, language: Language): string {
  const form = new Intl.DateTimeFormat(language, { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' });
  return `${form.format(moment)} UTC`;
}

export function inboxText({ kind, values }: Told, language: Language): { title: string; text: string } {
  return kindOf(kind).says[language](withMoments(values, language));
}

export function pathOf({ kind, thingId }: Pick<Told, 'kind' | 'thingId'>): string {
  return kindOf(kind).path(encodeURIComponent(thingId ?? ''));
}

export function mailOf(told: Told, language: Language): MailContent {
  const cleaned = Object.entries(withMoments(told.values, language)).map(([name, text]) => [name, cleanValue(text)]);
  const { title, text } = kindOf(told.kind).says[language](Object.fromEntries(cleaned));
  return { subject: title, paragraphs: [title, text], action: { label: OPEN[language], path: pathOf(told) } };
}

function withMoments(values: Record<string, string>, language: Language): Record<string, string> {
  const entries = Object.entries(values).map(([name, text]) => {
    const at = MOMENTS.has(name) ? new Date(text) : null;
    return [name, at && !Number.isNaN(at.getTime()) ? momentText(at, language) : text];
  });
  return Object.fromEntries(entries);
}
