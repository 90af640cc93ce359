import { expect, it } from 'vitest';
import { suggestLogin } from './login.ts';

it.each([
  ['ada@example.com', 'ada'],
  ['Ada Lovelace', 'ada.lovelace'],
  ['Zoë Ünal', 'zoe.unal'],
  ['42nd.Street@x.org', 'nd.street'],
  ['名前', ''],
  ['', ''],
])('makes of %j the login %j', (text, login) => {
  expect(suggestLogin(text)).toBe(login);
});
