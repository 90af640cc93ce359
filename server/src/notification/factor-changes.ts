/** What can become of somebody's second factors, in words. */
import type { InEach } from '../mail/language.ts';

export const FACTOR_CHANGES = {
  appAdded: { en: 'An authenticator app was set up', de: 'Eine Authenticator-App wurde eingerichtet' },
  appRemoved: { en: 'The authenticator app was removed', de: 'Die Authenticator-App wurde entfernt' },
  passkeyAdded: { en: 'A passkey was added', de: 'Ein Passkey wurde hinzugefügt' },
  passkeyRemoved: { en: 'A passkey was removed', de: 'Ein Passkey wurde entfernt' },
  codesMade: { en: 'New recovery codes were made', de: 'Neue Wiederherstellungscodes wurden erzeugt' },
  allRemoved: {
    en: 'An administrator took all second factors away',
    de: 'Ein Administrator hat alle zweiten Faktoren entfernt',
  },
} as const satisfies Record<string, InEach<string>>;

export type FactorChange = keyof typeof FACTOR_CHANGES;

export function isFactorChange(word: string): word is FactorChange {
  return Object.hasOwn(FACTOR_CHANGES, word);
}
