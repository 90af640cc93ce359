/**
 * `/auth/*` of second factors. POST and JSON all of them.
 *
 * After the password, with the cookie of the half-open sign-in:
 *   /auth/step                        → { step, ways } or { step: null }
 *   /auth/second-factor { code }      → 204 and the session cookie
 *
 * A passkey, after the password or instead of it:
 *   /auth/passkey/options             → what navigator.credentials.get takes
 *   /auth/passkey { response }        → 204 and the session cookie
 *
 * Setting one up, in a session with fresh proof or where the rules ask for it before there is a session:
 *   /auth/set-up/totp                 → { secret, uri, qr }
 *   /auth/set-up/totp/confirm { code }                 → { recoveryCodes } and a new session cookie
 *   /auth/set-up/passkey/options      → what navigator.credentials.create takes
 *   /auth/set-up/passkey { name, response }            → { recoveryCodes } and a new session cookie
 *
 * Fresh proof, in a session:
 *   /auth/prove { password } or { code }, /auth/prove/passkey/options, /auth/prove/passkey { response } → 204
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '@easel/kit/clock';
import type { UserId } from '@easel/schema/ids';
import { z } from 'zod';
import { ANONYMOUS, asUser, type UserActor, unauthenticated } from '../actor.ts';
import type { Act, AuditService } from '../audit/audit.service.ts';
import { parseInput } from '../parse-input.ts';
import type { LocalSignIn } from '../second-factor/local-sign-in.ts';
import type { Asked, PasskeyService } from '../second-factor/passkey.service.ts';
import { relyingPartyOf } from '../second-factor/relying-party.ts';
import type { Holder, SecondFactorService } from '../second-factor/second-factor.service.ts';
import { hashSecret } from '../secrets.ts';
import { mustBeProved } from '../user/proof.ts';
import type { SessionService } from '../user/session.service.ts';
import { sessionCookieOf } from '../user/session-cookie.ts';
import type { UserService } from '../user/user.service.ts';
import { answerJson } from './answer.ts';
import { deviceOf } from './device.ts';
import { type PostRoute, readJson } from './post-routes.ts';
import { createSignInAnswers } from './sign-in-answers.ts';

const code = z.string().trim().min(1).max(100);
const codeSchema = z.strictObject({ code });
const responseSchema = z.strictObject({ response: z.looseObject({ id: z.string().max(2000) }) });
const passkeySchema = responseSchema.extend({ name: z.string().trim().min(1, 'a passkey needs a name').max(100) });
const proofSchema = z.union([z.strictObject({ password: z.string().min(1).max(200) }), codeSchema], {
  error: 'expected { password } or { code }',
});

interface SecondFactorRoutesParts {
  audit: AuditService;
  clock: Clock;
  factors: SecondFactorService;
  localSignIn: LocalSignIn;
  passkeys: PasskeyService;
  sessions: SessionService;
  users: UserService;
  publicUrl: string | null;
  isSecure: boolean;
}

/** Who sets up a factor: in a session, or half-way into one. */
interface SettingUp {
  holder: Holder;
  /** What its challenges are given to. */
  challenged: string;
  act: Omit<Act, 'action'>;
  /** Once it is done, the browser gets a session with a new secret. */
  finish(): Promise<void>;
}

export function createSecondFactorRoutes(parts: SecondFactorRoutesParts): Record<string, PostRoute> {
  const { audit, factors, isSecure, localSignIn, passkeys, sessions, users } = parts;
  const { halfOpenFor, halfOpenOf, keepSession } = createSignInAnswers(isSecure);
  const partyOf = ({ headers }: IncomingMessage) => relyingPartyOf(parts.publicUrl, headers.host);
  const setUpOf = (request: IncomingMessage, holder: string): Asked => ({
    purpose: 'setUp',
    holder,
    party: partyOf(request),
  });
  const originOf = (request: IncomingMessage) => ({ address: deviceOf(request).address || null, requestId: null });
  const halfOpenIn = (request: IncomingMessage) => halfOpenOf(request) ?? '';

  async function actorOf(request: IncomingMessage): Promise<UserActor | null> {
    const secret = sessionCookieOf(request, { isSecure });
    return secret === null ? null : sessions.authenticate(secret, deviceOf(request).address);
  }

  async function mustBeSignedIn(request: IncomingMessage): Promise<UserActor> {
    const actor = await actorOf(request);
    if (!actor) throw unauthenticated();
    return actor;
  }

  async function settingUp(request: IncomingMessage, response: ServerResponse): Promise<SettingUp> {
    const from = originOf(request);
    const actor = await actorOf(request);
    if (actor) {
      mustBeProved(actor, parts.clock.now());
      return {
        holder: { userId: actor.userId, sessionId: actor.credential.id },
        challenged: actor.credential.id,
        act: { actor, from },
        async finish() {
          const session = await sessions.renew(sessionCookieOf(request, { isSecure }) ?? '');
          if (session) keepSession(request, response, session);
        },
      };
    }
    const secret = halfOpenIn(request);
    const userId = await localSignIn.settingUp(secret);
    const { login } = await users.get(userId);
    return {
      holder: { userId, sessionId: null },
      challenged: hashSecret(secret),
      act: { actor: ANONYMOUS, as: { userId, login }, from },
      finish: async () => keepSession(request, response, await localSignIn.finishSetUp(secret, deviceOf(request))),
    };
  }

  return {
    async '/auth/step'(request, response) {
      answerJson(response, 200, (await localSignIn.stepOf(halfOpenIn(request))) ?? { step: null, ways: [] });
    },
    async '/auth/second-factor'(request, response) {
      const given = parseInput(codeSchema, await readJson(request));
      keepSession(
        request,
        response,
        await localSignIn.withSecondFactor(halfOpenIn(request), given.code, deviceOf(request)),
      );
      answerJson(response, 204);
    },
    async '/auth/passkey/options'(request, response) {
      const party = partyOf(request);
      answerJson(response, 200, await localSignIn.passkeyOptions(halfOpenFor(request, response), party));
    },
    async '/auth/passkey'(request, response) {
      const { response: answer } = parseInput(responseSchema, await readJson(request));
      const given = { response: answer, party: partyOf(request) };
      keepSession(request, response, await localSignIn.withPasskey(halfOpenIn(request), given, deviceOf(request)));
      answerJson(response, 204);
    },
    async '/auth/set-up/totp'(request, response) {
      const { holder } = await settingUp(request, response);
      answerJson(response, 200, await factors.startTotp(holder));
    },
    async '/auth/set-up/totp/confirm'(request, response) {
      const given = parseInput(codeSchema, await readJson(request));
      const { holder, act, finish } = await settingUp(request, response);
      const recoveryCodes = await audit.during({ ...act, action: 'addAuthenticatorApp' }, () =>
        factors.confirmTotp(holder, given.code.replace(/\s/g, '')),
      );
      await finish();
      answerJson(response, 200, { recoveryCodes });
    },
    async '/auth/set-up/passkey/options'(request, response) {
      const { holder, challenged } = await settingUp(request, response);
      const { id, login, name } = await users.get(holder.userId as UserId);
      answerJson(response, 200, await passkeys.creationOptions(setUpOf(request, challenged), { id, login, name }));
    },
    async '/auth/set-up/passkey'(request, response) {
      const { name, response: answer } = parseInput(passkeySchema, await readJson(request));
      const { holder, challenged, act, finish } = await settingUp(request, response);
      const { recoveryCodes } = await audit.during({ ...act, action: 'addPasskey', thingName: name }, async () => {
        const made = await passkeys.verifyCreation(setUpOf(request, challenged), {
          userId: holder.userId,
          name,
          response: answer,
        });
        return factors.addPasskey(holder, made);
      });
      await finish();
      answerJson(response, 200, { recoveryCodes });
    },
    async '/auth/prove'(request, response) {
      const given = parseInput(proofSchema, await readJson(request));
      const actor = await mustBeSignedIn(request);
      await proving(actor, request, () => localSignIn.prove(actor, given, deviceOf(request)));
      answerJson(response, 204);
    },
    async '/auth/prove/passkey/options'(request, response) {
      const actor = await mustBeSignedIn(request);
      answerJson(response, 200, await localSignIn.proveOptions(actor, partyOf(request)));
    },
    async '/auth/prove/passkey'(request, response) {
      const { response: answer } = parseInput(responseSchema, await readJson(request));
      const actor = await mustBeSignedIn(request);
      const given = { response: answer, party: partyOf(request) };
      await proving(actor, request, () => localSignIn.proveByPasskey(actor, given));
      answerJson(response, 204);
    },
  };

  /** Whoever guesses in a session that he has found leaves a trace. */
  function proving(actor: UserActor, request: IncomingMessage, work: () => Promise<void>): Promise<void> {
    return audit.during({ action: 'prove', actor: asUser(actor), from: originOf(request) }, work);
  }
}
