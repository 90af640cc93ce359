/**
 * Reads an assertion whose signature was verified, out of the very bytes that were signed: whether it is meant for us, now, and
 * for this sign-in, and what it says of whom.
 * Source: saml-profiles-2.0-os §4.1.4 (Web Browser SSO), saml-core-2.0-os §2.
 */
import { BEARER, NS } from './saml-names.ts';
import { SamlProblem } from './saml-problem.ts';
import { childrenOf, type XmlElement } from './saml-xml.ts';

/** How far the clocks of two machines may lie apart. */
export const SKEW_MS = 60_000;

export interface Expected {
  provider: { entityId: string };
  service: { entityId: string; acsUrl: string };
  /** Of our request that is answered; null where the provider has begun. */
  requestId: string | null;
  nowMs: number;
}

export interface SamlAnswer {
  assertionId: string;
  nameId: { value: string; format: string } | null;
  /** Values by the attribute's name, and by its friendly name where no other is called so. */
  attributes: ReadonlyMap<string, readonly string[]>;
  /** Until then the same assertion would be good once more. */
  expiresAt: Date;
  /** What the provider wishes for our session; null: nothing. */
  sessionEndsAt: Date | null;
}

/** Throws SamlProblem. */
export function readAssertion(assertion: XmlElement, expected: Expected): SamlAnswer {
  const assertionId = assertion.attributes.get('ID');
  if (!assertionId || assertion.attributes.get('Version') !== '2.0') {
    throw new SamlProblem('malformed', 'the assertion has no id, or is not of SAML 2.0');
  }
  checkIssuer(only(assertion, 'Issuer'), expected.provider.entityId);
  const { nowMs } = expected;
  if (instantOf(assertion, 'IssueInstant').getTime() > nowMs + SKEW_MS) {
    throw new SamlProblem('time', 'the assertion was issued in the future');
  }
  const subject = only(assertion, 'Subject');
  const conditions = only(assertion, 'Conditions');
  const ends = [checkConfirmation(subject, expected), checkConditions(conditions, expected)];
  const nameIds = childrenOf(subject, NS.assertion, 'NameID');
  if (nameIds.length > 1) throw new SamlProblem('subject', `the subject has ${nameIds.length} names`);
  const [nameId] = nameIds;
  return {
    assertionId,
    nameId: nameId ? { value: nameId.text.trim(), format: nameId.attributes.get('Format') ?? '' } : null,
    attributes: attributesOf(assertion),
    expiresAt: new Date(Math.max(...ends) + SKEW_MS),
    sessionEndsAt: sessionEndOf(assertion, nowMs),
  };
}

/** Of the assertion and of the response around it. */
export function checkIssuer(issuer: XmlElement | undefined, entityId: string): void {
  if (issuer?.text.trim() === entityId) return;
  throw new SamlProblem('issuer', `expected the issuer ${entityId}, got ${issuer?.text.trim().slice(0, 200)}`);
}

/** Whoever holds it may use it, but only here, now, and for the request that it answers. Gives its end. */
function checkConfirmation(subject: XmlElement, { service, requestId, nowMs }: Expected): number {
  const bearers = childrenOf(subject, NS.assertion, 'SubjectConfirmation').filter(
    ({ attributes }) => attributes.get('Method') === BEARER,
  );
  const [bearer] = bearers;
  const [data] = bearer ? childrenOf(bearer, NS.assertion, 'SubjectConfirmationData') : [];
  if (!data || bearers.length > 1) {
    throw new SamlProblem('malformed', `expected one confirmation of the subject by bearer, got ${bearers.length}`);
  }
  const recipient = data.attributes.get('Recipient');
  if (recipient !== service.acsUrl) {
    throw new SamlProblem('audience', `expected the recipient ${service.acsUrl}, got ${recipient}`);
  }
  const inResponseTo = data.attributes.get('InResponseTo') ?? null;
  if (inResponseTo !== requestId) {
    throw new SamlProblem('request', `it answers the request ${inResponseTo}, not ${requestId}`);
  }
  return checkTimes(data, nowMs, 'NotOnOrAfter');
}

/** Gives their end, or that of nothing. */
function checkConditions(conditions: XmlElement, { service, nowMs }: Expected): number {
  const restrictions = childrenOf(conditions, NS.assertion, 'AudienceRestriction');
  const audiences = restrictions.map((one) => childrenOf(one, NS.assertion, 'Audience').map(({ text }) => text.trim()));
  if (audiences.length === 0 || !audiences.every((names) => names.includes(service.entityId))) {
    throw new SamlProblem('audience', `expected the audience ${service.entityId}, got ${audiences.flat().join(', ')}`);
  }
  return conditions.attributes.has('NotOnOrAfter') ? checkTimes(conditions, nowMs, 'NotOnOrAfter') : 0;
}

function checkTimes(element: XmlElement, nowMs: number, endName: string): number {
  const endMs = instantOf(element, endName).getTime();
  if (nowMs - SKEW_MS >= endMs)
    throw new SamlProblem('time', `${element.name} ended at ${new Date(endMs).toISOString()}`);
  if (element.attributes.has('NotBefore')) {
    const begin = instantOf(element, 'NotBefore');
    if (nowMs + SKEW_MS < begin.getTime()) {
      throw new SamlProblem('time', `${element.name} begins at ${begin.toISOString()}`);
    }
  }
  return endMs;
}

function sessionEndOf(assertion: XmlElement, nowMs: number): Date | null {
  const statements = childrenOf(assertion, NS.assertion, 'AuthnStatement');
  if (statements.length === 0) throw new SamlProblem('subject', 'it does not say that anybody has signed in');
  const ends = statements.filter(({ attributes }) => attributes.has('SessionNotOnOrAfter'));
  if (ends.length === 0) return null;
  const end = new Date(Math.min(...ends.map((one) => instantOf(one, 'SessionNotOnOrAfter').getTime())));
  if (end.getTime() <= nowMs) throw new SamlProblem('time', `the session there ended at ${end.toISOString()}`);
  return end;
}

function attributesOf(assertion: XmlElement): Map<string, string[]> {
  const byName = new Map<string, string[]>();
  const byFriendlyName = new Map<string, string[]>();
  const add = (to: Map<string, string[]>, name: string | undefined, values: string[]) => {
    if (name) to.set(name, [...(to.get(name) ?? []), ...values]);
  };
  for (const statement of childrenOf(assertion, NS.assertion, 'AttributeStatement')) {
    for (const attribute of childrenOf(statement, NS.assertion, 'Attribute')) {
      const values = childrenOf(attribute, NS.assertion, 'AttributeValue')
        .map(textOf)
        .filter((value) => value !== '');
      add(byName, attribute.attributes.get('Name'), values);
      add(byFriendlyName, attribute.attributes.get('FriendlyName'), values);
    }
  }
  return new Map([...byFriendlyName, ...byName]);
}

/** eduPersonTargetedID has a NameID inside. */
function textOf(value: XmlElement): string {
  const [inner, ...more] = value.children;
  return (inner && more.length === 0 ? inner.text : value.text).trim();
}

function only(parent: XmlElement, name: string): XmlElement {
  const [found, ...more] = childrenOf(parent, NS.assertion, name);
  if (found && more.length === 0) return found;
  throw new SamlProblem('malformed', `expected one ${name} in ${parent.name}, got ${found ? 1 + more.length : 0}`);
}

/** With its time zone: without one, each machine would take its own. */
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,12})?(?:Z|[+-]\d\d:\d\d)$/;

function instantOf(element: XmlElement, attribute: string): Date {
  const text = element.attributes.get(attribute) ?? '';
  const at = INSTANT.test(text) ? new Date(text) : null;
  if (at && !Number.isNaN(at.getTime())) return at;
  throw new SamlProblem(
    'time',
    `expected ${attribute} of ${element.name} like 2026-01-31T12:00:00Z, got ${text.slice(0, 50)}`,
  );
}
