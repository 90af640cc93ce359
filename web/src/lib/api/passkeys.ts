/** Passkeys: what the server asks the browser for, and back. The browser's own dialog says what happens. */
import { texts } from '#lib/texts.ts';
import { ask, type Told } from './auth.ts';

export type NewFactor = { recoveryCodes: string[] | null };

/** Also false on pages that are not served over HTTPS or from this machine. */
export function canUsePasskeys(): boolean {
  return typeof PublicKeyCredential === 'function' && 'parseRequestOptionsFromJSON' in PublicKeyCredential;
}

/** Signs in, or proves, with one. */
export async function usePasskey(path: '/auth/passkey' | '/auth/prove/passkey'): Promise<Told<never>> {
  const { value, refused } = await ask<PublicKeyCredentialRequestOptionsJSON>(`${path}/options`);
  if (!value) return { value: null, refused };
  const response = await answered(() =>
    navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(value) }),
  );
  return response ? ask(path, { response }) : notDone(texts.secondFactor.passkeyFailed);
}

export async function makePasskey(name: string): Promise<Told<NewFactor>> {
  const { value, refused } = await ask<PublicKeyCredentialCreationOptionsJSON>('/auth/set-up/passkey/options');
  if (!value) return { value: null, refused };
  const response = await answered(() =>
    navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(value) }),
  );
  return response ? ask('/auth/set-up/passkey', { name, response }) : notDone(texts.secondFactor.passkeyNotMade);
}

/** Null when the person or the browser says no: which of the two, browsers do not tell. */
async function answered(work: () => Promise<Credential | null>): Promise<unknown> {
  try {
    const credential = await work();
    return credential instanceof PublicKeyCredential ? credential.toJSON() : null;
  } catch {
    return null;
  }
}

function notDone(message: string): Told<never> {
  return { value: null, refused: { code: null, message } };
}
