/**
 * Signing in at an identity provider that speaks SAML 2.0: Web Browser SSO, request by HTTP-Redirect, answer by HTTP-POST.
 *
 * `start` keeps the id of our request under the hash of a random state and sends the browser away; the state is the RelayState, and
 * lies in a cookie of that browser as well. The provider's page posts the answer to `accept`, which is a request of another site:
 * no cookie of ours comes along, and should not. So `accept` only checks the answer, notes what it says, and sends the browser on
 * to `finish`, a plain GET with which the cookie comes. There the note is found by the cookie alone, once: an answer that
 * somebody else's page has posted into this browser leads nowhere. So there is no cookie that other sites' requests carry
 * (`SameSite=None`), and it is the same with and without TLS.
 *
 * An answer that nobody has asked for is taken only where the module says so; it is bound to no browser, as the standard has it.
 * Every assertion counts once (`saml_assertions`), whatever replica it comes to.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '@easel/kit/clock';
import type { Log } from '@easel/kit/log';
import { generateServiceProviderMetadata, SAML, type SamlConfig } from '@node-saml/node-saml';
import type { UserActor } from '../actor.ts';
import { type Db, inTransaction, reading } from '../db.ts';
import { hashSecret, newSecret } from '../secrets.ts';
import type { ServerKey } from '../server-key.ts';
import type { Device, NewSession } from '../user/session.service.ts';
import type { SignInAttempts } from '../user/sign-in-attempts.ts';
import type { AccountLinks, LinkWish } from './account-links.ts';
import { type Arrivals, refused } from './arrival.ts';
import type { Claims } from './claims.ts';
import type { Finished } from './redirect.ts';
import { samlStore } from './saml.store.ts';
import type { SamlAnswer } from './saml-assertion.ts';
import { claimsOfAnswer } from './saml-claims.ts';
import { MetadataProblem, type ProviderMetadata } from './saml-metadata.ts';
import type { SamlModuleService } from './saml-module.service.ts';
import { NAME_ID_FORMATS } from './saml-names.ts';
import { SamlProblem } from './saml-problem.ts';
import { readResponse } from './saml-response.ts';
import { signInStore } from './sign-in.store.ts';
import { type OpenedModule, requireModule, type SignInModuleService } from './sign-in-module.service.ts';

/** Long enough for a second factor at the provider. */
export const REQUEST_SECONDS = 600;
/** From the post to the plain GET that follows at once. */
const RETURN_SECONDS = 60;

type SamlModuleOpened = OpenedModule<'saml'>;

interface SamlParts {
  db: Db;
  key: ServerKey;
  clock: Clock;
  log: Log;
  modules: SignInModuleService;
  samlModules: SamlModuleService;
  links: AccountLinks;
  arrivals: Arrivals;
  attempts: SignInAttempts;
}

/** What lies between the answer and the session. */
interface Note {
  claims: Claims;
  sessionEndsAtMs: number | null;
}

export type Accepted = { isBegunHere: true } | { isBegunHere: false; session: NewSession };

export class SamlSignIn {
  readonly #parts: SamlParts;
  readonly #db: Db;

  constructor(parts: SamlParts) {
    this.#parts = parts;
    this.#db = parts.db;
  }

  /** What a provider is told of us. Throws NOT_FOUND. */
  async metadata(moduleId: string, origin: string): Promise<string> {
    const module = await this.#module(moduleId);
    const { privateKey, certificate } = await this.#parts.samlModules.keyOf(module.id);
    return generateServiceProviderMetadata({
      ...serviceOf(module.id, origin),
      identifierFormat: formatOf(module),
      wantAssertionsSigned: true,
      decryptionPvk: privateKey,
      decryptionCert: certificate,
      ...(module.settings.signsRequests ? { privateKey, publicCerts: certificate } : {}),
      // The same each time it is read, so that a provider that compares sees no change.
      generateUniqueId: () => `_${module.id}`,
    });
  }

  /** Where the browser is sent, and the state that its cookie keeps. Throws NOT_FOUND or UNAUTHENTICATED. */
  async start(
    moduleId: string,
    wish: { origin: string; nextPath: string; link: LinkWish | null },
  ): Promise<{ url: string; state: string }> {
    const module = await this.#module(moduleId);
    const linkUserId = wish.link ? this.#parts.links.userOf(wish.link, module.id) : null;
    const { entryPoint, certificates } = await this.#provider(module);
    const state = newSecret();
    const requestId = `_${randomBytes(20).toString('hex')}`;
    const begun = { stateHash: hashSecret(state), content: { requestId }, nextPath: wish.nextPath, linkUserId };
    await this.#keep(module.id, begun, REQUEST_SECONDS);
    const { privateKey } = await this.#parts.samlModules.keyOf(module.id);
    const signing: Partial<SamlConfig> = module.settings.signsRequests ? { privateKey } : {};
    const saml = new SAML({
      ...serviceOf(module.id, wish.origin),
      entryPoint,
      idpCert: certificates,
      identifierFormat: formatOf(module),
      disableRequestedAuthnContext: true,
      // Whoever links proves anew who he is there.
      forceAuthn: linkUserId !== null,
      signatureAlgorithm: 'sha256',
      generateUniqueId: () => requestId,
      ...signing,
    });
    return { url: await saml.getAuthorizeUrlAsync(state, undefined, {}), state };
  }

  /** What the provider's page has posted. Throws UNAUTHENTICATED, FORBIDDEN or RATE_LIMITED. */
  async accept(
    moduleId: string,
    given: { origin: string; response: string; relayState: string },
    from: Device,
  ): Promise<Accepted> {
    const module = await this.#module(moduleId);
    const attempt = this.#parts.attempts.begin(from.address, null);
    const stateHash = hashSecret(given.relayState);
    const begun = await this.#take(module.id, stateHash);
    const requestId = begun ? (begun.content.requestId as string) : null;
    if (!begun && !module.settings.mayBeginAtProvider) {
      attempt.failed();
      throw refused('the sign-in was begun too long ago, or was used before: try again from this page');
    }
    const note = await this.#read(module, { ...given, requestId }).catch((err: unknown) => {
      attempt.failed();
      throw err;
    });
    if (!begun) return { isBegunHere: false, session: await this.#open(module, note, from) };
    const { nextPath, linkUserId } = begun;
    const back = { stateHash: returnHashOf(given.relayState), content: note, nextPath, linkUserId };
    await this.#keep(module.id, back, RETURN_SECONDS);
    return { isBegunHere: true };
  }

  /** The browser comes back by itself, with its cookie. Throws UNAUTHENTICATED or FORBIDDEN. */
  async finish(
    moduleId: string,
    given: { cookieState: string | null; actor: UserActor | null; from: Device },
  ): Promise<Finished> {
    const { cookieState, actor, from } = given;
    const module = await this.#module(moduleId);
    const kept = cookieState === null ? null : await this.#take(module.id, returnHashOf(cookieState));
    // Another browser's answer would sign this one in as somebody else.
    if (!kept) throw refused('the sign-in was begun in another browser, or too long ago');
    const { nextPath, linkUserId } = kept;
    const note = kept.content as unknown as Note;
    if (linkUserId === null) return { session: await this.#open(module, note, from), nextPath };
    if (actor?.userId !== linkUserId) throw refused('somebody else is signed in here now: begin again');
    await this.#parts.arrivals.link(module, note.claims, { actor, from });
    return { session: null, nextPath };
  }

  /** Forgets assertions that are over anyhow. */
  sweep(): Promise<void> {
    return reading(() => samlStore.sweepAssertions(this.#db, new Date(this.#parts.clock.now())));
  }

  async #read(
    module: SamlModuleOpened,
    given: { origin: string; response: string; requestId: string | null },
  ): Promise<Note> {
    const { issuer: entityId, callbackUrl: acsUrl } = serviceOf(module.id, given.origin);
    const [provider, { privateKey }] = await Promise.all([
      this.#provider(module),
      this.#parts.samlModules.keyOf(module.id),
    ]);
    try {
      const answer = await readResponse(given.response, {
        provider,
        service: { entityId, acsUrl },
        requestId: given.requestId,
        wanted: module.settings.wantedSignatures,
        decryptionKey: privateKey,
        nowMs: this.#parts.clock.now(),
      });
      const claims = claimsOfAnswer(answer, module.settings);
      await this.#useOnce(module, answer);
      return { claims, sessionEndsAtMs: answer.sessionEndsAt?.getTime() ?? null };
    } catch (err) {
      if (!(err instanceof SamlProblem)) throw err;
      this.#parts.log.warn({ err, code: 'UNAUTHENTICATED', moduleId: module.id }, 'sign-in at a provider failed');
      throw refused(err.sentence(module.name));
    }
  }

  async #useOnce(module: SamlModuleOpened, { assertionId, expiresAt }: SamlAnswer): Promise<void> {
    const idHash = hashSecret(`${module.id}\n${assertionId}`);
    const isNew = await inTransaction(this.#db, (tx) => samlStore.insertAssertion(tx, idHash, expiresAt));
    if (!isNew) throw new SamlProblem('replayed', `the assertion ${assertionId} was used before`);
  }

  #open(module: SamlModuleOpened, { claims, sessionEndsAtMs }: Note, from: Device): Promise<NewSession> {
    const { sessionHours } = module.settings;
    const ends = [
      ...(sessionEndsAtMs === null ? [] : [sessionEndsAtMs]),
      ...(sessionHours === null ? [] : [this.#parts.clock.now() + sessionHours * 3_600_000]),
    ];
    const endsBy = ends.length > 0 ? new Date(Math.min(...ends)) : null;
    return this.#parts.arrivals.signIn(module, claims, from, { endsBy });
  }

  async #keep(
    moduleId: string,
    kept: { stateHash: string; content: object; nextPath: string; linkUserId: string | null },
    seconds: number,
  ): Promise<void> {
    const { stateHash, nextPath, linkUserId } = kept;
    const sealed = this.#parts.key.seal(JSON.stringify(kept.content), purposeOf(stateHash));
    const expiresAt = new Date(this.#parts.clock.now() + seconds * 1000);
    await reading(() =>
      signInStore.insertRequest(this.#db, { stateHash, moduleId, sealed, nextPath, linkUserId, expiresAt }),
    );
  }

  /** Once. */
  async #take(
    moduleId: string,
    stateHash: string,
  ): Promise<{ content: Record<string, unknown>; nextPath: string; linkUserId: string | null } | null> {
    const now = new Date(this.#parts.clock.now());
    const row = await inTransaction(this.#db, (tx) => signInStore.takeRequest(tx, stateHash, now));
    if (row?.moduleId !== moduleId) return null;
    const content = JSON.parse(this.#parts.key.open(row.sealed, purposeOf(stateHash)));
    return { content, nextPath: row.nextPath, linkUserId: row.linkUserId };
  }

  #module(id: string): Promise<SamlModuleOpened> {
    return requireModule(this.#parts.modules, id, 'saml');
  }

  async #provider(module: SamlModuleOpened): Promise<ProviderMetadata> {
    try {
      return await this.#parts.samlModules.providerOf(module);
    } catch (err) {
      if (!(err instanceof MetadataProblem)) throw err;
      this.#parts.log.warn({ err, moduleId: module.id }, 'a sign-in provider does not answer');
      throw refused(`the metadata of ${module.name} could not be read: try again later, or another way`);
    }
  }
}

/** Who we are to this provider. */
function serviceOf(moduleId: string, origin: string): { issuer: string; callbackUrl: string } {
  const base = `${origin}/auth/saml/${moduleId}`;
  return { issuer: `${base}/metadata`, callbackUrl: `${base}/acs` };
}

/** What NameID is asked for; null: whatever the provider gives. */
function formatOf({ settings }: SamlModuleOpened): string | null {
  const { attributes, nameIdFormat } = settings;
  return attributes.subject !== null || nameIdFormat === 'unspecified' ? null : NAME_ID_FORMATS[nameIdFormat];
}

function returnHashOf(state: string): string {
  return hashSecret(`return ${state}`);
}

function purposeOf(stateHash: string): string {
  return `sign_in_requests.sealed ${stateHash}`;
}
