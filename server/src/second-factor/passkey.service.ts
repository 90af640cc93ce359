/**
 * Passkeys (WebAuthn level 3). The server asks with a challenge of its own, which it remembers until it comes back, once,
 * from the browser or session that it was given to. The authenticator must have verified its user each time, since a
 * passkey alone signs in.
 */
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import { AppError } from '@easel/schema/errors';
import { newId, type UserId } from '@easel/schema/ids';
import {
  type AuthenticationResponseJSON,
  type AuthenticatorTransport,
  generateAuthenticationOptions,
  generateRegistrationOptions,
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
  type RegistrationResponseJSON,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server';
import { type Db, reading } from '../db.ts';
import type { Passkey } from '../generated/prisma/client.ts';
import { hashSecret } from '../secrets.ts';
import { factorStore } from './factor.store.ts';
import { halfOpenStore } from './half-open.store.ts';
import type { RelyingParty } from './relying-party.ts';

/** As long as somebody looks for his key. */
const CHALLENGE_SECONDS = 300;
/** More are a mistake. */
const MAX_PASSKEYS = 20;

/** What a challenge may be answered for, and by whom: a browser by the hash of its secret, or a session by its id. */
export interface Asked {
  purpose: 'signIn' | 'secondFactor' | 'proof' | 'setUp';
  holder: string;
  party: RelyingParty;
}

export type NewPasskey = Parameters<typeof factorStore.insertPasskey>[1];

interface PasskeyParts {
  db: Db;
  clock: Clock;
  log: Log;
}

export class PasskeyService {
  readonly #parts: PasskeyParts;
  readonly #db: Db;

  constructor(parts: PasskeyParts) {
    this.#parts = parts;
    this.#db = parts.db;
  }

  /** What the browser makes a passkey of. Throws QUOTA_EXCEEDED. */
  async creationOptions(
    asked: Asked,
    user: { id: UserId; login: string; name: string },
  ): Promise<PublicKeyCredentialCreationOptionsJSON> {
    const own = await reading(() => factorStore.passkeys(this.#db, user.id));
    if (own.length >= MAX_PASSKEYS) {
      throw new AppError({ code: 'QUOTA_EXCEEDED', message: `you have ${MAX_PASSKEYS} passkeys: remove one first` });
    }
    const options = await generateRegistrationOptions({
      rpName: 'Easel',
      rpID: asked.party.id,
      userID: new TextEncoder().encode(user.id),
      userName: user.login,
      userDisplayName: user.name,
      timeout: CHALLENGE_SECONDS * 1000,
      attestationType: 'none',
      excludeCredentials: own.map(descriptorOf),
      authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    });
    await this.#remember(asked, options.challenge);
    return options;
  }

  /** Throws INVALID_INPUT for an answer that is not good. */
  async verifyCreation(asked: Asked, made: { userId: UserId; name: string; response: unknown }): Promise<NewPasskey> {
    const { party } = asked;
    const now = new Date(this.#parts.clock.now());
    const verified = await this.#verifying(() =>
      verifyRegistrationResponse({
        response: made.response as RegistrationResponseJSON,
        expectedChallenge: (challenge) => this.#take(asked, challenge),
        expectedOrigin: party.origin,
        expectedRPID: party.id,
        requireUserVerification: true,
      }),
    );
    if (!verified?.verified) throw notGood('INVALID_INPUT');
    const { credential, credentialBackedUp } = verified.registrationInfo;
    if (await reading(() => factorStore.findPasskey(this.#db, credential.id))) throw notGood('INVALID_INPUT');
    return {
      id: newId('passkey'),
      userId: made.userId,
      name: made.name,
      credentialId: credential.id,
      publicKey: credential.publicKey,
      counter: BigInt(credential.counter),
      transports: credential.transports ?? [],
      isSynced: credentialBackedUp,
      createdAt: now,
    };
  }

  /** What the browser asks an authenticator for: any passkey of this place, or one of this user's. */
  async requestOptions(asked: Asked, userId: UserId | null): Promise<PublicKeyCredentialRequestOptionsJSON> {
    const own = userId === null ? [] : await reading(() => factorStore.passkeys(this.#db, userId));
    const options = await generateAuthenticationOptions({
      rpID: asked.party.id,
      timeout: CHALLENGE_SECONDS * 1000,
      userVerification: 'required',
      allowCredentials: own.map(descriptorOf),
    });
    await this.#remember(asked, options.challenge);
    return options;
  }

  /** Whose passkey has answered. Throws UNAUTHENTICATED. */
  async verify(asked: Asked, response: unknown): Promise<{ userId: UserId; passkeyId: string }> {
    const given = response as AuthenticationResponseJSON;
    const row = typeof given.id === 'string' ? await reading(() => factorStore.findPasskey(this.#db, given.id)) : null;
    if (!row || !isOfUser(given, row)) throw notGood('UNAUTHENTICATED');
    const verified = await this.#verifying(() =>
      verifyAuthenticationResponse({
        response: given,
        expectedChallenge: (challenge) => this.#take(asked, challenge),
        expectedOrigin: asked.party.origin,
        expectedRPID: asked.party.id,
        credential: { id: row.credentialId, publicKey: row.publicKey, counter: Number(row.counter) },
        requireUserVerification: true,
      }),
    );
    if (!verified?.verified) throw notGood('UNAUTHENTICATED');
    const { newCounter } = verified.authenticationInfo;
    const now = new Date(this.#parts.clock.now());
    const isNewer = await reading(() => factorStore.usePasskey(this.#db, row.id, newCounter, now));
    if (!isNewer) throw notGood('UNAUTHENTICATED');
    return { userId: row.userId as UserId, passkeyId: row.id };
  }

  async #remember({ purpose, holder }: Asked, challenge: string): Promise<void> {
    const expiresAt = new Date(this.#parts.clock.now() + CHALLENGE_SECONDS * 1000);
    const row = { challengeHash: hashSecret(challenge), purpose, holder, expiresAt };
    await reading(() => halfOpenStore.insertChallenge(this.#db, row));
  }

  #take({ purpose, holder }: Asked, challenge: string): Promise<boolean> {
    const row = { challengeHash: hashSecret(challenge), purpose, holder };
    return reading(() => halfOpenStore.takeChallenge(this.#db, row, new Date(this.#parts.clock.now())));
  }

  /** The library throws for everything that is wrong with an answer; what exactly is for the log. */
  async #verifying<T>(work: () => Promise<T>): Promise<T | null> {
    try {
      return await work();
    } catch (err) {
      if (err instanceof AppError) throw err;
      this.#parts.log.warn({ err, code: 'UNAUTHENTICATED' }, 'the answer of a passkey was not good');
      return null;
    }
  }
}

function descriptorOf({ credentialId, transports }: Passkey) {
  return { id: credentialId, transports: (transports ?? []) as AuthenticatorTransport[] };
}

/** An authenticator that finds the passkey by itself says whose it is. */
function isOfUser({ response }: AuthenticationResponseJSON, { userId }: Passkey): boolean {
  const handle = response?.userHandle;
  return !handle || Buffer.from(handle, 'base64url').toString() === userId;
}

function notGood(code: 'UNAUTHENTICATED' | 'INVALID_INPUT'): AppError {
  return new AppError({ code, message: 'the answer of the passkey was not good, or came too late: try again' });
}
