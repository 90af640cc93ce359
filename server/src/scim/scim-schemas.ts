/** What this server says of itself to a directory: RFC 7643 §5 to §7. */
import { CORE_GROUP, CORE_USER, ENTERPRISE_USER } from './scim-path.ts';

export const MAX_PAGE = 200;

const off = { supported: false };

export function serviceProviderConfig(baseUrl: string) {
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
    patch: { supported: true },
    bulk: { ...off, maxOperations: 0, maxPayloadSize: 0 },
    filter: { supported: true, maxResults: MAX_PAGE },
    changePassword: off,
    sort: off,
    etag: off,
    authenticationSchemes: [
      {
        type: 'oauthbearertoken',
        name: 'Bearer token',
        description: 'An API token of a service account that may edit users',
        primary: true,
      },
    ],
    meta: { resourceType: 'ServiceProviderConfig', location: `${baseUrl}/ServiceProviderConfig` },
  };
}

export function resourceTypes(baseUrl: string) {
  return [
    resourceType(baseUrl, 'User', CORE_USER, [{ schema: ENTERPRISE_USER, required: false }]),
    resourceType(baseUrl, 'Group', CORE_GROUP, []),
  ];
}

function resourceType(baseUrl: string, name: string, schema: string, schemaExtensions: unknown[]) {
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:ResourceType'],
    id: name,
    name,
    endpoint: `/${name}s`,
    schema,
    schemaExtensions,
    meta: { resourceType: 'ResourceType', location: `${baseUrl}/ResourceTypes/${name}` },
  };
}

const attribute = (name: string, fields: Record<string, unknown> = {}) => ({
  name,
  type: 'string',
  multiValued: false,
  required: false,
  caseExact: false,
  mutability: 'readWrite',
  returned: 'default',
  uniqueness: 'none',
  ...fields,
});
const multi = (name: string) =>
  attribute(name, {
    type: 'complex',
    multiValued: true,
    subAttributes: [attribute('value'), attribute('type'), attribute('primary', { type: 'boolean' })],
  });

export function schemas(baseUrl: string) {
  return [
    schema(baseUrl, CORE_USER, 'User', [
      attribute('userName', { required: true, uniqueness: 'server' }),
      attribute('externalId', { caseExact: true }),
      attribute('active', { type: 'boolean' }),
      attribute('displayName'),
      attribute('name', {
        type: 'complex',
        subAttributes: [attribute('formatted'), attribute('givenName'), attribute('familyName')],
      }),
      ...['nickName', 'title', 'preferredLanguage', 'locale', 'timezone'].map((name) => attribute(name)),
      multi('emails'),
      multi('phoneNumbers'),
    ]),
    schema(baseUrl, CORE_GROUP, 'Group', [
      attribute('displayName', { required: true, uniqueness: 'server' }),
      attribute('externalId', { caseExact: true }),
      attribute('members', {
        type: 'complex',
        multiValued: true,
        subAttributes: [attribute('value', { mutability: 'immutable' }), attribute('display'), attribute('$ref')],
      }),
    ]),
    schema(baseUrl, ENTERPRISE_USER, 'EnterpriseUser', [attribute('employeeNumber'), attribute('department')]),
  ];
}

function schema(baseUrl: string, id: string, name: string, attributes: unknown[]) {
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:Schema'],
    id,
    name,
    attributes,
    meta: { resourceType: 'Schema', location: `${baseUrl}/Schemas/${id}` },
  };
}

export function listOf(resources: readonly unknown[], page: { total: number; startIndex: number }) {
  return {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
    totalResults: page.total,
    startIndex: page.startIndex,
    itemsPerPage: resources.length,
    Resources: resources,
  };
}
