import { builder } from '../api/builder.ts';
import { LANGUAGES } from './language.ts';

export const LanguageEnum = builder.enumType('Language', {
  description: 'Of mails and notifications.',
  values: LANGUAGES,
});
