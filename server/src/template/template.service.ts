/** Templates: what an environment is made from. A change touches no environment that exists, only the next ones. */
import type { Clock } from '@easel/kit/clock';
import { AppError } from '@easel/schema/errors';
import { isId } from '@easel/schema/ids';
import { type TemplateSpecInput, templateSpecSchema } from '@easel/schema/template';
import { type Actor, notFound } from '../actor.ts';
import { type Db, inTransaction, reading } from '../db.ts';
import type { InstanceTypeService } from '../instance-type/instance-type.service.ts';
import type { NamespaceService } from '../namespace/namespace.service.ts';
import { invalidInput, parseInput } from '../parse-input.ts';
import { may, mustMay } from '../rights/may.ts';
import { uniquelyNamed } from '../uniquely-named.ts';
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

  /**
   * By id, by name, or by `namespace/name`; null when there is none that the actor sees or may use. Of several with one name the
   * one in the default namespace is meant; without that, throws INVALID_INPUT.
   */
  async find(actor: Actor, wanted: string): Promise<TemplateRow | null> {
    const rows = (await this.#wanted(wanted)).filter((row) => isReached(actor, row));
    const defaultId = await this.#namespaces.defaultId();
    const row = rows.find(({ namespaceId }) => namespaceId === defaultId) ?? rows[0];
    if (!row || row.namespaceId === defaultId || rows.length === 1) return row ?? null;
    const namespaces = await this.#namespaces.some(rows.map(({ namespaceId }) => namespaceId));
    const names = namespaces.map(({ name }) => `${name}/${wanted}`).join(', ');
    throw invalidInput([
      { path: 'template', message: `expected one of ${names}: several namespaces have a "${wanted}"` },
    ]);
  }

  /** At most `limit` of those that the actor may make an environment from, by name. */
  async list(actor: Actor, limit: number): Promise<TemplateRow[]> {
    const namespaces = await this.#namespaces.whereMay(actor, 'environment.create');
    const ids = namespaces.map(({ id }) => id);
    return reading(() => templateStore.list(this.#db, ids, limit));
  }

  /** How many environments each of them has. */
  environmentCounts(ids: readonly string[]): Promise<Map<string, number>> {
    return reading(() => templateStore.environmentCounts(this.#db, ids));
  }

  /** `namespace`: its id or name. */
  async create(actor: Actor, input: TemplateSpecInput, namespace: string | null = null): Promise<TemplateRow> {
    const namespaceId = await this.#namespaces.choose(actor, 'template.change', namespace);
    const spec = parseInput(templateSpecSchema, input);
    await this.#instanceTypes.requireKnown(spec.instanceTypes);
    return uniquelyNamed({ what: 'a template', name: spec.name }, () =>
      inTransaction(this.#db, async (tx) => {
        await this.#namespaces.hold(tx, namespaceId);
        return templateStore.insert(tx, namespaceId, spec);
      }),
    );
  }

  async update(actor: Actor, id: string, input: TemplateSpecInput): Promise<TemplateRow> {
    const row = await this.#toChange(actor, id);
    const spec = parseInput(templateSpecSchema, input);
    // What it names already may have been deleted since: that is no reason to refuse another change.
    await this.#instanceTypes.requireKnown(spec.instanceTypes.filter((name) => !row.instanceTypes.includes(name)));
    const isUpdated = await uniquelyNamed({ what: 'a template', name: spec.name }, () =>
      inTransaction(this.#db, (tx) => templateStore.update(tx, row, spec)),
    );
    if (!isUpdated) {
      throw new AppError({
        code: 'WRONG_STATE',
        message: 'somebody else has changed this template in the meantime: look at it again, then repeat your change',
      });
    }
    return (await reading(() => templateStore.find(this.#db, row.id))) ?? row;
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
    const named = await reading(() => templateStore.named(this.#db, spec.name));
    const known = named.find((row) => row.namespaceId === namespaceId);
    await inTransaction(this.#db, async (tx) => {
      // The folder of a moved installation has another address.
      if (known && known.repositoryUrl !== spec.repository.url) await templateStore.update(tx, known, spec);
      else if (!known && (await templateStore.countEver(tx, namespaceId)) === 0) {
        await templateStore.insert(tx, namespaceId, spec);
      }
    });
  }

  /** Throws NOT_FOUND, also for one that the actor does not see, or FORBIDDEN. */
  async #toChange(actor: Actor, id: string): Promise<TemplateRow> {
    const row = isId('template', id) ? await reading(() => templateStore.find(this.#db, id)) : null;
    if (!row || !(isReached(actor, row) || may(actor, 'template.change', row))) throw notFound('template');
    mustMay(actor, 'template.change', row);
    return row;
  }

  async #wanted(wanted: string): Promise<TemplateRow[]> {
    if (isId('template', wanted)) {
      const row = await reading(() => templateStore.find(this.#db, wanted));
      return row ? [row] : [];
    }
    const [name = '', namespace] = wanted.split('/').reverse();
    const rows = await reading(() => templateStore.named(this.#db, name));
    if (namespace === undefined) return rows;
    const found = await this.#namespaces.some(rows.map(({ namespaceId }) => namespaceId));
    const ids = found.filter((row) => row.name === namespace || row.id === namespace).map(({ id }) => id);
    return rows.filter(({ namespaceId }) => ids.includes(namespaceId));
  }
}

/** Whoever sees it, or makes environments where it is. */
function isReached(actor: Actor, { namespaceId }: TemplateRow): boolean {
  return may(actor, 'template.read', { namespaceId }) || may(actor, 'environment.create', { namespaceId });
}
