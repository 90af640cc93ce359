/**
 * `/scim/v2/*`: what a directory provisions people and groups by (RFC 7644). By a token alone, never by a browser's session: a page
 * of another site can send nothing here. Every change is in the audit log, with what was sent.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AppError } from '@easel/schema/errors';
import { type UserActor, unauthenticated } from '../actor.ts';
import type { AuditService } from '../audit/audit.service.ts';
import { badRequest, errorBody, noSuch, ScimError } from '../scim/scim-error.ts';
import { presentGroup, type ScimGroupService } from '../scim/scim-group.service.ts';
import { listOf, MAX_PAGE, resourceTypes, schemas, serviceProviderConfig } from '../scim/scim-schemas.ts';
import type { ScimUserService } from '../scim/scim-user.service.ts';
import { presentUser } from '../scim/scim-user.ts';
import { addressOf } from './device.ts';
import type { AuthRoutes } from './post-routes.ts';

export const SCIM_PATH = '/scim/v2';
/** A group of some ten thousand members in one request. */
const MAX_BODY_BYTES = 2_000_000;
const USUAL_PAGE = 100;
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

interface ScimRoutesParts {
  audit: AuditService;
  users: ScimUserService;
  groups: ScimGroupService;
  publicUrl: string | null;
  /** Counts the request, and says whose it is. */
  admit: (request: IncomingMessage, response: ServerResponse) => Promise<{ actor: UserActor | null }>;
  onError: (err: unknown) => void;
}

interface Asked {
  method: string;
  type: string;
  id: string | null;
  search: URLSearchParams;
  baseUrl: string;
  actor: UserActor;
  request: IncomingMessage;
}
type Answer = { status: number; body?: unknown };

export function createScimRoutes(parts: ScimRoutesParts): AuthRoutes {
  const { audit, users, groups } = parts;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<Answer> {
    if (request.headers.authorization === undefined) throw unauthenticated();
    const { actor } = await parts.admit(request, response);
    if (!actor) throw unauthenticated();
    const url = new URL(request.url ?? '/', parts.publicUrl ?? `http://${request.headers.host ?? 'localhost'}`);
    const baseUrl = `${parts.publicUrl?.replace(/\/$/, '') ?? url.origin}${SCIM_PATH}`;
    const [type = '', id, ...rest] = url.pathname
      .slice(SCIM_PATH.length + 1)
      .split('/')
      .map(decodeURIComponent);
    const method = request.method ?? '';
    if (rest.length > 0) throw noSuch('resource');
    const asked = { method, type, id: id || null, search: url.searchParams, baseUrl, actor, request };
    if (method === 'GET') return get(asked);
    if (!METHODS.includes(method)) throw new ScimError(405, null, `expected one of ${METHODS.join(', ')}`);
    const body = method === 'DELETE' ? {} : await readBody(request);
    const from = { address: addressOf(request), requestId: String(response.getHeader('x-request-id') ?? '') || null };
    const args = body as Record<string, unknown>;
    const act = { action: actionOf(asked), actor, from, thingId: asked.id, args };
    return audit.during(act, async () => change(asked, body));
  }

  async function get({ type, id, search, baseUrl, actor }: Asked): Promise<Answer> {
    const ok = (body: unknown) => ({ status: 200, body });
    const listed = (all: { id: string }[]) => {
      if (id === null) return ok(listOf(all, { total: all.length, startIndex: 1 }));
      const one = all.find((each) => each.id === id);
      if (!one) throw noSuch('resource');
      return ok(one);
    };
    if (type === 'ServiceProviderConfig') return ok(serviceProviderConfig(baseUrl));
    if (type === 'ResourceTypes') return listed(resourceTypes(baseUrl));
    if (type === 'Schemas') return listed(schemas(baseUrl));
    const page = pageOf(search);
    const filter = search.get('filter');
    if (type === 'Users') {
      if (id !== null) return ok(presentUser(await users.get(actor, id), baseUrl));
      const { rows, total } = await users.list(actor, filter, page);
      const shown = rows.map((row) => presentUser(row, baseUrl));
      return ok(listOf(shown, { total, startIndex: page.skip + 1 }));
    }
    if (type !== 'Groups') throw noSuch('resource');
    const hasMembers = !/\bmembers\b/i.test(search.get('excludedAttributes') ?? '');
    if (id !== null) return ok(presentGroup(await groups.get(actor, id), baseUrl, hasMembers));
    const { rows, total } = await groups.list(actor, filter, { ...page, hasMembers });
    const shown = rows.map((row) => presentGroup(row, baseUrl, hasMembers));
    return ok(listOf(shown, { total, startIndex: page.skip + 1 }));
  }

  async function change(asked: Asked, body: unknown): Promise<Answer> {
    if (asked.type !== 'Users' && asked.type !== 'Groups') throw noSuch('resource');
    const isUser = asked.type === 'Users';
    const { method, id, actor, baseUrl } = asked;
    if ((method === 'POST') !== (id === null)) throw new ScimError(405, null, `${method} is not for this address`);
    if (id !== null && method === 'DELETE') {
      await (isUser ? users : groups).delete(actor, id);
      return { status: 204 };
    }
    if (isUser) {
      const row = await verb(users, method)(actor, id ?? '', body);
      return { status: id === null ? 201 : 200, body: presentUser(row, baseUrl) };
    }
    const row = await verb(groups, method)(actor, id ?? '', body);
    return { status: id === null ? 201 : 200, body: presentGroup(row, baseUrl) };
  }

  return (request, response) => {
    const path = request.url?.split('?', 1)[0] ?? '';
    if (path !== SCIM_PATH && !path.startsWith(`${SCIM_PATH}/`)) return false;
    answer(request, response)
      .then((answered) => send(response, answered))
      .catch((err: unknown) => {
        const { status, body } = errorBody(err);
        if (status === 500) parts.onError(err);
        if (status === 401) response.setHeader('www-authenticate', 'Bearer realm="Easel SCIM"');
        const { retryAfterSeconds } = err instanceof AppError ? err.details : {};
        if (typeof retryAfterSeconds === 'number') response.setHeader('retry-after', String(retryAfterSeconds));
        send(response, { status, body });
        // The rest of a body that is not wanted is thrown away, or the answer would not be read.
        if (!request.complete) request.resume();
      });
    return true;
  };
}

interface Verbs<Row> {
  create: (actor: UserActor, body: unknown) => Promise<Row>;
  replace: (actor: UserActor, id: string, body: unknown) => Promise<Row>;
  patch: (actor: UserActor, id: string, body: unknown) => Promise<Row>;
}

function verb<Row>(verbs: Verbs<Row>, method: string): (actor: UserActor, id: string, body: unknown) => Promise<Row> {
  if (method === 'POST') return (actor, _id, body) => verbs.create(actor, body);
  return (actor, id, body) => (method === 'PUT' ? verbs.replace(actor, id, body) : verbs.patch(actor, id, body));
}

/** `scimPatchUsers` and its like. */
function actionOf({ method, type }: Asked): string {
  const verbs: Record<string, string> = { POST: 'Create', PUT: 'Replace', PATCH: 'Patch', DELETE: 'Delete' };
  return `scim${verbs[method] ?? ''}${type === 'Groups' ? 'Group' : 'User'}`;
}

/** Counted from 1 (RFC 7644 §3.4.2.4); what is out of range is brought into it, as the standard has it. */
function pageOf(search: URLSearchParams): { skip: number; take: number } {
  const number = (name: string, usual: number) => {
    const text = search.get(name);
    if (text === null) return usual;
    if (!/^-?\d{1,9}$/.test(text)) throw badRequest('invalidValue', `expected a whole number as ${name}`);
    return Number(text);
  };
  const take = Math.min(Math.max(number('count', USUAL_PAGE), 0), MAX_PAGE);
  return { skip: Math.max(number('startIndex', 1), 1) - 1, take };
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  if (!/^application\/(scim\+)?json\b/i.test(request.headers['content-type'] ?? '')) {
    throw new ScimError(415, null, 'expected content-type: application/scim+json');
  }
  const tooLarge = new ScimError(413, null, `a body has at most ${MAX_BODY_BYTES} bytes`);
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) throw tooLarge;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw tooLarge;
    chunks.push(chunk);
  }
  try {
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString());
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body;
  } catch {
    // Said below.
  }
  throw badRequest('invalidSyntax', 'expected an object of JSON');
}

function send(response: ServerResponse, { status, body }: Answer): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.setHeader('cache-control', 'no-store');
  if (body === undefined) {
    response.writeHead(status).end();
    return;
  }
  const text = JSON.stringify(body);
  response
    .writeHead(status, {
      'content-type': 'application/scim+json; charset=utf-8',
      'content-length': Buffer.byteLength(text),
    })
    .end(text);
}
