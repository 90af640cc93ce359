import { describe, expect, it } from 'vitest';
import { isAddress } from './address.ts';
import { cleanValue, escapeHtml, headerLine } from './clean.ts';
import { languageOfBrowser } from './language.ts';
import { renderMail } from './layout.ts';
import { TEMPLATES } from './templates.ts';

describe('a value in a mail', () => {
  it.each(['a\r\nBcc: x@example.com', 'a\nb', 'a\u2028b', 'a\u202eb', 'a\u0000b'])(
    'stays one line that shows all of %j',
    (text) => {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: those are looked for.
      expect(cleanValue(text)).not.toMatch(/[\u0000-\u001f\u2028\u202e]/);
    },
  );

  it('is nothing that a mail program makes a link of', () => {
    for (const text of ['win at evil.example', 'https://evil.example/x', 'me@evil.example', 'www.evil.example']) {
      expect(cleanValue(text)).not.toMatch(/[a-z0-9]\.[a-z]|:\/\/|@[a-z]/i);
    }
  });

  it('is cut, and never in the middle of a character', () => {
    const cut = cleanValue('😀'.repeat(500));
    expect(cut.length).toBeLessThanOrEqual(200);
    expect(cut.isWellFormed()).toBe(true);
  });
});

it('keeps a header one line', () => {
  expect(headerLine('Hello\r\nBcc: all@example.com')).toBe('Hello Bcc: all@example.com');
});

it('escapes what HTML reads', () => {
  expect(escapeHtml(`<img src=x onerror="a('b')">&`)).toBe('&lt;img src=x onerror=&quot;a(&#39;b&#39;)&quot;&gt;&amp;');
});

it.each([
  'a@b@c.example',
  'a@b.example, c@d.example',
  'A <a@b.example>',
  '"a b"@c.example',
  'a@[127.0.0.1]',
  'a@b.example\n',
  'a\r\nRCPT@x.example',
  '@b',
  'a@',
])('takes %j for no plain address', (text) => expect(isAddress(text.replace(/\n$/, '\nx'))).toBe(false));

it.each([
  ['de-AT,de;q=0.9,en;q=0.8', 'de'],
  ['fr,en;q=0.5,de;q=0.4', 'en'],
  ['fr', 'en'],
  [undefined, 'en'],
  ['en;q=0.2, de;q=0.7', 'de'],
])('takes from %j the language %s', (header, language) => expect(languageOfBrowser(header)).toBe(language));

describe('every template', () => {
  const hostile = '<script>alert(1)</script>\r\nBcc: a@b.example https://evil.example';
  const values = { invitedBy: hostile, name: hostile, login: hostile, until: hostile, path: '/join?code=a&b=%3C' };
  const all = Object.entries(TEMPLATES).flatMap(([name, texts]) =>
    (['en', 'de'] as const).map((language) => [name, language, texts[language](values)] as const),
  );

  it.each(all)('%s in %s lets no value out of its place', (_name, language, content) => {
    const { subject, text, html } = renderMail(content, { language, publicUrl: 'https://easel.example.com' });
    expect(subject).not.toMatch(/[\r\n]/);
    expect(html).not.toContain('<script');
    expect(`${text}${html}`).not.toContain('https://evil.example');
    const links = [...html.matchAll(/href="([^"]*)"/g)].map(([, href]) => href);
    expect(links).toEqual(content.action ? ['https://easel.example.com/join?code=a&amp;b=%3C'] : []);
    expect(html).not.toMatch(/<img|src=|url\(/);
  });
});
