import { describe, expect, it } from 'vitest';
import { KINDS, NOTIFICATION_KINDS } from './kinds.ts';
import { inboxText, mailOf } from './say.ts';

describe('every kind', () => {
  const hostile = '<script>\r\nBcc: a@b.example https://evil.example/';
  const values = Object.fromEntries(
    [
      'name',
      'problem',
      'environment',
      'template',
      'date',
      'by',
      'login',
      'device',
      'address',
      'when',
      'what',
      'owner',
      'count',
      'who',
    ].map((name) => [name, hostile]),
  );

  it.each(NOTIFICATION_KINDS.flatMap((kind) => [[kind, 'en'] as const, [kind, 'de'] as const]))(
    '%s speaks %s, whatever its values are',
    (kind, language) => {
      const told = { kind, thingId: '../x?y#z', values };
      expect(inboxText(told, language).title).not.toContain('undefined');
      const { subject, paragraphs, action } = mailOf(told, language);
      expect(`${subject}${paragraphs.join()}`).not.toMatch(/undefined|https:\/\/evil|\r|\n/);
      expect(action?.path).toMatch(/^\/([a-z]|$)/);
      expect(action?.path).not.toContain('/../');
      expect(KINDS[kind].label[language]).not.toBe('');
    },
  );
});
