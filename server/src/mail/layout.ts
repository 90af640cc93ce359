/**
 * What every mail looks like, as text and as HTML. No picture, no style sheet from elsewhere, no address that tells who has
 * read it: the one link is of this installation, and it is written out.
 */
import { escapeHtml, headerLine } from './clean.ts';
import type { InEach, Language } from './language.ts';

export interface MailContent {
  subject: string;
  /** Each one a paragraph; sentences of ours, whose values are cleaned. */
  paragraphs: readonly string[];
  /** `path` is one of this installation, with what it needs already encoded. */
  action: { label: string; path: string } | null;
}

const FOOTER: InEach<(host: string) => string> = {
  en: (host) => `Sent by Easel at ${host}. Nobody reads answers to this address.`,
  de: (host) => `Gesendet von Easel auf ${host}. Antworten an diese Adresse liest niemand.`,
};
const COPY: InEach<string> = {
  en: 'Or copy this address into your browser:',
  de: 'Oder kopieren Sie diese Adresse in Ihren Browser:',
};

export function renderMail(
  { subject, paragraphs, action }: MailContent,
  options: { language: Language; publicUrl: string },
): { subject: string; text: string; html: string } {
  const { language, publicUrl } = options;
  const link = action && new URL(action.path, publicUrl).href;
  const footer = FOOTER[language](new URL(publicUrl).host);
  const text = [...paragraphs, ...(action && link ? [`${action.label}:\n${link}`] : []), `-- \n${footer}`].join('\n\n');
  const html = `<!doctype html>
<html lang="${language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>${escapeHtml(subject)}</title></head>
<body style="margin:0;padding:24px;font:16px/1.5 system-ui,sans-serif">
<div style="max-width:34rem;margin:0 auto">
${paragraphs.map((paragraph) => `<p>${escapeHtml(paragraph)}</p>`).join('\n')}
${action && link ? button(action.label, link, COPY[language]) : ''}
<p style="margin-top:32px;font-size:13px;opacity:.7">${escapeHtml(footer)}</p>
</div></body></html>
`;
  return { subject: headerLine(subject), text: `${text}\n`, html };
}

function button(label: string, link: string, copy: string): string {
  const href = escapeHtml(link);
  return `<p><a href="${href}" style="display:inline-block;padding:10px 18px;border-radius:8px;background:#1f5eff;color:#fff;text-decoration:none">${escapeHtml(label)}</a></p>
<p style="font-size:13px;opacity:.7">${escapeHtml(copy)}<br><span style="word-break:break-all">${href}</span></p>`;
}
