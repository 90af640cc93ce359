/** Instance types: what an environment gets of a platform. A change touches no environment that exists, only the next ones. */

import type { Clock } from '@easel/kit/clock';
import { AppError } from '@easel/schema/errors';
import { isId } from '@easel/schema/ids';
import { type InstanceTypeSpecInput, instanceTypeSpecSchema } from '@easel/schema/instance-type';
import { type Actor, notFound } from '../actor.ts';
import { type Db, inTransaction, reading } from '../db.ts';
import { invalidInput, parseInput } from '../parse-input.ts';
import { mustMay } from '../rights/may.ts';
import { uniquelyNamed } from '../uniquely-named.ts';
import { instanceTypeStore } from './instance-type.store.ts';
import type { InstanceTypeRow } from './instance-type-row.ts';

const GIB = 1024 ** 3;
/** What there is before an administrator has made others. */
const FIRST_TYPES = [
  { name: 'small', cpus: 2, memoryBytes: 4 * GIB, diskBytes: 20 * GIB },
  { name: 'medium', cpus: 4, memoryBytes: 8 * GIB, diskBytes: 40 * GIB },
  { name: 'large', cpus: 8, memoryBytes: 16 * GIB, diskBytes: 80 * GIB },
].map((input) => instanceTypeSpecSchema.parse(input));

export class InstanceTypeService {
  readonly #db: Db;
  readonly #clock: Clock;

  constructor(parts: { db: Db; clock: Clock }) {
    this.#db = parts.db;
    this.#clock = parts.clock;
  }

  /** The smallest first: that one is what an environment gets where nobody chooses. */
  async list(): Promise<InstanceTypeRow[]> {
    return (await reading(() => instanceTypeStore.list(this.#db))).sort(bySize);
  }

  /**
   * The type of a new environment: the wanted one, or the default one of those that are `offered` (names, the default
   * first; empty is all). Null when none is wanted and there is none. Throws INVALID_INPUT for one that is not offered.
   */
  async choose(wanted: string | null, offered: readonly string[]): Promise<InstanceTypeRow | null> {
    const all = await this.list();
    const byName = new Map(all.map((row) => [row.name, row]));
    const choice = offered.length === 0 ? all : offered.flatMap((name) => byName.get(name) ?? []);
    const row = wanted === null ? choice[0] : choice.find(({ id, name }) => id === wanted || name === wanted);
    if (row) return row;
    if (wanted === null && offered.length === 0) return null;
    const names = choice.map(({ name }) => name).join(', ');
    const advice = names
      ? `choose one of ${names}`
      : `the template offers only ${offered.join(', ')}, of which there is none: ask an administrator`;
    const message = wanted === null ? advice : `there is no instance type "${wanted}" to choose here: ${advice}`;
    throw invalidInput([{ path: 'instanceType', message }]);
  }

  /** Throws INVALID_INPUT that says which of these names a template cannot offer, and which there are. */
  async requireKnown(names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    const known = (await this.list()).map(({ name }) => name);
    const unknown = names.filter((name) => !known.includes(name));
    if (unknown.length === 0) return;
    const there = known.length > 0 ? `choose from ${known.join(', ')}` : 'there is none yet';
    throw invalidInput([
      { path: 'instanceTypes', message: `no instance type is named ${unknown.join(', ')}: ${there}` },
    ]);
  }

  /** How many environments each of them has. */
  environmentCounts(ids: readonly string[]): Promise<Map<string, number>> {
    return reading(() => instanceTypeStore.environmentCounts(this.#db, ids));
  }

  async create(actor: Actor, input: InstanceTypeSpecInput): Promise<InstanceTypeRow> {
    mustMay(actor, 'instanceType.change');
    const spec = parseInput(instanceTypeSpecSchema, input);
    return uniquelyNamed({ what: 'an instance type', name: spec.name }, () =>
      inTransaction(this.#db, (tx) => instanceTypeStore.insert(tx, spec)),
    );
  }

  async update(actor: Actor, id: string, input: InstanceTypeSpecInput): Promise<InstanceTypeRow> {
    mustMay(actor, 'instanceType.change');
    const spec = parseInput(instanceTypeSpecSchema, input);
    const row = await this.#get(id);
    const isUpdated = await uniquelyNamed({ what: 'an instance type', name: spec.name }, () =>
      inTransaction(this.#db, (tx) => instanceTypeStore.update(tx, row, spec)),
    );
    if (isUpdated) return this.#get(id);
    throw new AppError({
      code: 'WRONG_STATE',
      message:
        'somebody else has changed this instance type in the meantime: look at it again, then repeat your change',
    });
  }

  /** Environments that have it keep what they have. */
  async delete(actor: Actor, id: string): Promise<InstanceTypeRow> {
    mustMay(actor, 'instanceType.change');
    const row = await this.#get(id);
    await inTransaction(this.#db, (tx) => instanceTypeStore.setDeleted(tx, row.id, new Date(this.#clock.now())));
    return row;
  }

  /** Makes the first ones when there has never been another. */
  async ensureFirst(): Promise<void> {
    await inTransaction(this.#db, async (tx) => {
      if ((await instanceTypeStore.countEver(tx)) === 0) await instanceTypeStore.insertMissing(tx, FIRST_TYPES);
    });
  }

  async #get(id: string): Promise<InstanceTypeRow> {
    const row = isId('instanceType', id) ? await reading(() => instanceTypeStore.find(this.#db, id)) : null;
    if (!row) throw notFound('instance type');
    return row;
  }
}

/** What the platform decides counts as much. */
function bySize({ spec: a, name }: InstanceTypeRow, { spec: b, name: other }: InstanceTypeRow): number {
  const size = (value: number | null) => value ?? Number.MAX_SAFE_INTEGER;
  return (
    a.gpus - b.gpus ||
    size(a.cpus) - size(b.cpus) ||
    size(a.memoryBytes) - size(b.memoryBytes) ||
    name.localeCompare(other, 'en')
  );
}
