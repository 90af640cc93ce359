/** What an answer of a provider says of somebody, in the words that all kinds of modules use. Pure. */
import { type Claims, domainOf, groupsOf } from './claims.ts';
import type { SamlSettings } from './kinds/saml.ts';
import type { SamlAnswer } from './saml-assertion.ts';
import { NAME_ID_FORMATS, TRANSIENT } from './saml-names.ts';
import { SamlProblem } from './saml-problem.ts';

const CLAIMS = 'http://schemas.xmlsoap.org/ws/2005/05/identity/claims';
const MICROSOFT = 'http://schemas.microsoft.com';

/** As Entra ID, ADFS, Okta, Keycloak, Google and Shibboleth call them by themselves, or in their own examples. */
const USUAL = {
  name: [
    'displayName',
    'urn:oid:2.16.840.1.113730.3.1.241',
    `${MICROSOFT}/identity/claims/displayname`,
    'cn',
    'urn:oid:2.5.4.3',
  ],
  login: ['uid', 'username', 'login', 'urn:oid:0.9.2342.19200300.100.1.1', `${CLAIMS}/upn`, `${CLAIMS}/name`],
  email: ['email', 'mail', 'urn:oid:0.9.2342.19200300.100.1.3', `${CLAIMS}/emailaddress`],
  groups: [
    'groups',
    'memberOf',
    `${MICROSOFT}/ws/2008/06/identity/claims/groups`,
    'http://schemas.xmlsoap.org/claims/Group',
  ],
} as const;

const MAX_SUBJECT_LENGTH = 255;

/** Throws SamlProblem. */
export function claimsOfAnswer(answer: SamlAnswer, settings: SamlSettings): Claims {
  const valuesOf = (name: keyof typeof USUAL): readonly string[] | null => {
    const given = settings.attributes[name];
    const names: readonly string[] = given === null ? USUAL[name] : [given];
    return names.map((one) => answer.attributes.get(one)).find((values) => values !== undefined) ?? null;
  };
  const firstOf = (name: keyof typeof USUAL) => valuesOf(name)?.[0] ?? null;
  const email = firstOf('email');
  return {
    subject: subjectOf(answer, settings),
    name: firstOf('name')?.slice(0, 100) ?? null,
    preferredLogin: firstOf('login')?.slice(0, 200) ?? null,
    // SAML has no word for "verified": the administrator's has to do.
    verifiedEmail: settings.trustsEmail && email !== null && domainOf(email) !== null ? email : null,
    groups: groupsOf(valuesOf('groups')),
  };
}

function subjectOf(answer: SamlAnswer, { attributes, nameIdFormat }: SamlSettings): string {
  if (attributes.subject !== null) {
    const values = answer.attributes.get(attributes.subject) ?? [];
    const [value] = values;
    if (value !== undefined && values.length === 1 && value.length <= MAX_SUBJECT_LENGTH) return value;
    const reason = `expected one value of the attribute ${attributes.subject}, got ${values.length}`;
    const advice = `has no single value of ${attributes.subject}: an administrator has to let the provider send it`;
    throw new SamlProblem('subject', reason, { advice });
  }
  const { nameId } = answer;
  if (!nameId || nameId.value === '' || nameId.value.length > MAX_SUBJECT_LENGTH) {
    throw new SamlProblem('subject', 'the subject has no NameID');
  }
  if (nameId.format === TRANSIENT) {
    throw new SamlProblem('subject', 'the NameID is transient', {
      advice:
        'names you anew each time (a transient NameID): an administrator has to set a persistent NameID there, or an attribute for the subject here',
    });
  }
  if (nameIdFormat === 'unspecified' || nameId.format === NAME_ID_FORMATS[nameIdFormat]) return nameId.value;
  const got = nameId.format || 'none';
  throw new SamlProblem('subject', `expected a NameID of the format ${NAME_ID_FORMATS[nameIdFormat]}, got ${got}`, {
    advice: `has a NameID of another format than this server expects (${nameIdFormat}): an administrator has to change either, or set an attribute for the subject`,
  });
}
