import { instanceTypeSpecSchema } from '@easel/schema/instance-type';
import { createInstanceTypeMutation, deleteInstanceTypeMutation, instanceTypesQuery } from '../api/instance-types.ts';
import type { Context } from '../context.ts';
import { parseSize, size } from '../output/format.ts';
import { pick } from './find.ts';
import { readSpec } from './read-spec.ts';

export async function listInstanceTypes({ api: open, out }: Context): Promise<void> {
  const types = await (await open()).ask(instanceTypesQuery, {}, { isRepeatable: true });
  out.json(types);
  if (types.length === 0) {
    out.note('no instance types: platforms decide what environments get');
    return;
  }
  out.table(
    ['NAME', 'CPUS', 'MEMORY', 'DISK', 'GPUS', 'ZONE', 'ENVIRONMENTS', 'DESCRIPTION'],
    types.map((type) => [
      type.name,
      type.cpus === null ? '-' : String(type.cpus),
      type.memoryBytes === null ? '-' : size(type.memoryBytes),
      size(type.diskBytes),
      type.gpus === 0 ? '-' : String(type.gpus),
      type.zone ?? '-',
      String(type.environmentCount),
      type.description,
    ]),
  );
}

export async function createInstanceType(context: Context, options: { file: string }): Promise<void> {
  const { io, out } = context;
  const input = await readSpec(options.file, io, {
    schema: instanceTypeSpecSchema,
    what: 'an instance type',
    prepare: withBytes,
  });
  const type = await (await context.api()).ask(createInstanceTypeMutation, { input });
  out.json(type);
  out.line(`${type.name} is an instance type now; \`easel create NAME --instance-type ${type.name}\` uses it`);
}

export async function deleteInstanceType(context: Context, which: string): Promise<void> {
  const { out } = context;
  const api = await context.api();
  const type = pick(await api.ask(instanceTypesQuery, {}, { isRepeatable: true }), which, 'instance type');
  await api.ask(deleteInstanceTypeMutation, { id: type.id });
  out.json(type);
  out.line(`${type.name} is gone; environments that have it keep what they have`);
}

/** People write `8GiB`; the API counts bytes. */
function withBytes(value: unknown): unknown {
  if (!value || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => {
      const isSize = (key === 'memoryBytes' || key === 'diskBytes') && typeof field === 'string';
      return [key, isSize ? (parseSize(field) ?? field) : field];
    }),
  );
}
