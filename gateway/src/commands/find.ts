/** Things by the names that people type. */
import { isId } from '@easel/schema/ids';
import type { Api } from '../api/api.ts';
import { type EnvironmentWithAccess, environmentQuery } from '../api/environments.ts';
import { type User, usersQuery } from '../api/people.ts';
import { type Template, templateQuery } from '../api/templates.ts';
import { CommandError } from '../failure.ts';

/** The environment of this name or id. Throws NOT_FOUND. */
export async function findEnvironment(api: Api, nameOrId: string): Promise<EnvironmentWithAccess> {
  const environment = await api.ask(environmentQuery, key('environment', nameOrId), { isRepeatable: true });
  if (environment) return environment;
  throw new CommandError(
    'NOT_FOUND',
    `no environment is called ${JSON.stringify(nameOrId)}; \`easel list\` shows yours`,
  );
}

/** The template of this name or id. Throws NOT_FOUND. */
export async function findTemplate(api: Api, nameOrId: string): Promise<Template> {
  const template = await api.ask(templateQuery, key('template', nameOrId), { isRepeatable: true });
  if (template) return template;
  throw new CommandError(
    'NOT_FOUND',
    `no template is called ${JSON.stringify(nameOrId)}; \`easel template list\` shows them`,
  );
}

/** The user of this login. Throws NOT_FOUND. */
export async function findUser(api: Api, login: string): Promise<User> {
  const found = await api.ask(usersQuery, { search: login }, { isRepeatable: true });
  const user = found.edges.map(({ node }) => node).find((each) => each.login === login);
  if (user) return user;
  throw new CommandError('NOT_FOUND', `nobody has the login ${JSON.stringify(login)}`);
}

/** Of a list, the one with this id or name. Throws NOT_FOUND, and INVALID_INPUT when several have the name. */
export function pick<T extends { id: string; name: string }>(items: readonly T[], nameOrId: string, what: string): T {
  const byId = items.find(({ id }) => id === nameOrId);
  if (byId) return byId;
  const [first, ...others] = items.filter(({ name }) => name === nameOrId);
  if (!first) throw new CommandError('NOT_FOUND', `no ${what} is called ${JSON.stringify(nameOrId)}`);
  if (others.length > 0)
    throw new CommandError(
      'INVALID_INPUT',
      `${others.length + 1} of them are called ${JSON.stringify(nameOrId)}: name it by its id`,
    );
  return first;
}

function key(kind: 'environment' | 'template', nameOrId: string): { id: string } | { name: string } {
  return isId(kind, nameOrId) ? { id: nameOrId } : { name: nameOrId };
}
