/** Templates: what an environment is made from. A change touches no environment that exists, only the next ones. */
import type { Clock } from '@easel/kit/clock';
import { AppError } from '@easel/schema/errors';
import { isId, type TemplateId } from '@easel/schema/ids';
import { type TemplateSpecInput, templateSpecSchema } from '@easel/schema/template';
import { type Actor, notFound } from '../actor.ts';
import { type Db, inTransaction, reading, uniqueViolation } from '../db.ts';
import type { InstanceTypeService } from '../instance-type/instance-type.service.ts';
import type { NamespaceService } from '../namespace/namespace.service.ts';
import { parseInput } from '../parse-input.ts';
import { mustMay } from '../rights/may.ts';
import { templateStore } from './template.store.ts';
import type { TemplateRow } from './template-row.ts';

export class TemplateService {
  readonly #db: Db;
  readonly #clock: Clock;
  readonly #instanceTypes: InstanceTypeService;
  readonly #namespaces: NamespaceService;

  constructor(parts: { db: Db; clock: Clock; instanceTypes: InstanceTypeService; namespaces: NamespaceService }) {
    this.#db = parts.db;
    this.#clock = parts.clock;
    this.#instanceTypes = parts.instanceTypes;
    this.#namespaces = parts.namespaces;
  }

  /** By id or by name; null when there is none. */
  async find(idOrName: string): Promise<TemplateRow | null> {
    if (isId('template', idOrName)) return reading(() => templateStore.find(this.#db, idOrName));
    const namespaceId = await this.#namespaces.defaultId();
    return reading(() => templateStore.findByName(this.#db, namespaceId, idOrName));
  }

  /** At most `limit`, by name. */
  async list(limit: number): Promise<TemplateRow[]> {
    const namespaceId = await this.#namespaces.defaultId();
    return reading(() => templateStore.list(this.#db, namespaceId, limit));
  }

  /** How many environments each of them has. */
  environmentCounts(ids: readonly string[]): Promise<Map<string, number>> {
    return reading(() => templateStore.environmentCounts(this.#db, ids));
  }

  async create(actor: Actor, input: TemplateSpecInput): Promise<TemplateRow> {
    const namespaceId = await this.#namespaces.defaultId();
    mustMay(actor, 'template.change', { namespaceId });
    const spec = parseInput(templateSpecSchema, input);
    await this.#instanceTypes.requireKnown(spec.instanceTypes);
    return this.#uniquelyNamed(spec.name, () =>
      inTransaction(this.#db, (tx) => templateStore.insert(tx, namespaceId, spec)),
    );
  }

  async update(actor: Actor, id: string, input: TemplateSpecInput): Promise<TemplateRow> {
    const row = await this.#toChange(actor, id);
    const spec = parseInput(templateSpecSchema, input);
    // What it names already may have been deleted since: that is no reason to refuse another change.
    await this.#instanceTypes.requireKnown(spec.instanceTypes.filter((name) => !row.instanceTypes.includes(name)));
    const isUpdated = await this.#uniquelyNamed(spec.name, () =>
      inTransaction(this.#db, (tx) => templateStore.update(tx, row, spec)),
    );
    if (!isUpdated) {
      throw new AppError({
        code: 'WRONG_STATE',
        message: 'somebody else has changed this template in the meantime: look at it again, then repeat your change',
      });
    }
    return this.#get(id);
  }

  async delete(actor: Actor, id: string): Promise<TemplateRow> {
    const row = await this.#toChange(actor, id);
    await inTransaction(this.#db, (tx) => templateStore.setDeleted(tx, row.id, new Date(this.#clock.now())));
    return row;
  }

  /** The template that works at once, made when there has never been another. */
  async ensureSample(input: TemplateSpecInput): Promise<void> {
    const namespaceId = await this.#namespaces.defaultId();
    const spec = parseInput(templateSpecSchema, input);
    const known = await reading(() => templateStore.findByName(this.#db, namespaceId, spec.name));
    await inTransaction(this.#db, async (tx) => {
      // The folder of a moved installation has another address.
      if (known && known.repositoryUrl !== spec.repository.url) await templateStore.update(tx, known, spec);
      else if (!known && (await templateStore.countEver(tx, namespaceId)) === 0) {
        await templateStore.insert(tx, namespaceId, spec);
      }
    });
  }

  /** Throws FORBIDDEN before it says whether there is one. */
  async #toChange(actor: Actor, id: string): Promise<TemplateRow> {
    mustMay(actor, 'template.change', { namespaceId: await this.#namespaces.defaultId() });
    return this.#get(id);
  }

  async #get(id: string): Promise<TemplateRow> {
    const row = isId('template', id) ? await this.find(id as TemplateId) : null;
    if (!row) throw notFound('template');
    return row;
  }

  async #uniquelyNamed<T>(name: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (err) {
      if (uniqueViolation(err) === null) throw err;
      throw new AppError({ code: 'NAME_TAKEN', message: `there is already a template "${name}": choose another name` });
    }
  }
}
