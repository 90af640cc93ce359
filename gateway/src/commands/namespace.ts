/** namespace list, create, rename, delete. */
import type { Api } from '../api/api.ts';
import {
  createNamespaceMutation,
  deleteNamespaceMutation,
  namespacesQuery,
  renameNamespaceMutation,
} from '../api/namespaces.ts';
import type { Context } from '../context.ts';
import { relative } from '../output/format.ts';
import { pick } from './find.ts';

export async function listNamespaces({ api: open, out }: Context): Promise<void> {
  const namespaces = await (await open()).ask(namespacesQuery, {}, { isRepeatable: true });
  out.json(namespaces);
  if (namespaces.length === 0) {
    out.note('you have a role in no namespace: ask an administrator');
    return;
  }
  const nowMs = Date.now();
  out.table(
    ['NAME', 'TEMPLATES', 'ENVIRONMENTS', 'CREATED', 'ID'],
    namespaces.map(({ id, name, createdAt, templateCount, environmentCount }) => [
      name,
      String(templateCount ?? '-'),
      String(environmentCount ?? '-'),
      relative(createdAt, nowMs),
      id,
    ]),
  );
}

export async function createNamespace({ api: open, out }: Context, name: string): Promise<void> {
  const namespace = await (await open()).ask(createNamespaceMutation, { name });
  out.json(namespace);
  out.line(`The namespace ${namespace.name} is made; \`easel template create --namespace ${namespace.name}\` fills it`);
}

export async function renameNamespace({ api: open, out }: Context, which: string, name: string): Promise<void> {
  const api = await open();
  const namespace = await api.ask(renameNamespaceMutation, { id: await idOf(api, which), name });
  out.json(namespace);
  out.line(`The namespace ${which} is called ${namespace.name} now`);
}

export async function deleteNamespace({ api: open, out }: Context, which: string): Promise<void> {
  const api = await open();
  const namespace = await api.ask(deleteNamespaceMutation, { id: await idOf(api, which) });
  out.json(namespace);
  out.line(`The namespace ${which} is deleted`);
}

async function idOf(api: Api, which: string): Promise<string> {
  return pick(await api.ask(namespacesQuery, {}, { isRepeatable: true }), which, 'namespace').id;
}
