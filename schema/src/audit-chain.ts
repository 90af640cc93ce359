/**
 * The audit log's chain: each entry carries the SHA-256 of the hash before it and of itself, so that whoever changes, removes
 * or swaps one would have to change all that follow, and the end of the chain in the database besides. The server seals and
 * checks by it, and so does `easel audit verify`, which needs no server. Pure.
 *
 * Two kinds of files, JSON lines both. An *object* of the archive begins with `{ version, first, previousHash }` and leaves
 * nothing out. An *export* begins with `{ version, export }`; each of its lines names the hash before it, since a filter
 * leaves gaps, and its last line says how many there are.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';

/** Before the first entry. */
export const GENESIS = '0'.repeat(64);

/** One line of an object, and what is hashed of a row. */
export const chainedSchema = z.object({
  number: z.number().int().min(1),
  id: z.string(),
  at: z.string(),
  actorKind: z.string(),
  actorId: z.string().nullable(),
  actorLogin: z.string().nullable(),
  credentialId: z.string().nullable(),
  address: z.string().nullable(),
  requestId: z.string().nullable(),
  action: z.string(),
  thingId: z.string().nullable(),
  thingName: z.string().nullable(),
  outcome: z.string(),
  details: z.record(z.string(), z.unknown()),
  hash: z.string(),
});
export type Chained = z.infer<typeof chainedSchema>;

/** The first line of an object: what comes before it. */
const objectHeadSchema = z.object({ version: z.literal(1), first: z.number(), previousHash: z.string() });
/** The first line of an export. Null filters leave nothing out. */
const exportHeadSchema = z.object({
  version: z.literal(1),
  export: z.object({ at: z.string(), isFiltered: z.boolean() }).loose(),
});
const exportLineSchema = chainedSchema.extend({ previousHash: z.string() });
/** The last line of an export: one that lacks it was cut off. */
const exportEndSchema = z.object({ end: z.object({ entries: z.number() }) });

export function hashOf(previous: string, { hash: _hash, ...entry }: Omit<Chained, 'hash'> & { hash?: string }): string {
  return createHash('sha256').update(previous).update('\n').update(canonical(entry)).digest('hex');
}

/** JSON with sorted keys: the database gives those of an object back in another order. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value ?? null);
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(',')}}`;
}

export interface Break {
  number: number;
  why: string;
}

/** Where the chain stands, and where it breaks first. */
export interface Walk {
  number: number;
  hash: string;
}

/** Goes one entry on. Gives the break instead when the entry does not follow. */
export function follow(walk: Walk, entry: Chained): Walk | Break {
  const number = walk.number + 1;
  if (entry.number !== number) {
    return { number, why: `entry ${number} is missing: ${entry.number} follows ${walk.number}` };
  }
  if (hashOf(walk.hash, entry) !== entry.hash) {
    return { number, why: `entry ${number} is not as it was when it was sealed, or what is before it is not` };
  }
  return { number, hash: entry.hash };
}

/** The entries of an object, or null when it is none. */
export function parseObject(text: string): { before: Walk; entries: Chained[] } | null {
  try {
    const [head = '', ...lines] = text.trimEnd().split('\n');
    const { first, previousHash } = objectHeadSchema.parse(JSON.parse(head));
    const entries = lines.map((line) => chainedSchema.parse(JSON.parse(line)));
    return { before: { number: first - 1, hash: previousHash }, entries };
  } catch {
    return null;
  }
}

/** Checks files line by line, one after the other, in the order of the chain. Nothing is looked at after the first break. */
export class ChainCheck {
  /** Entries that were found to be right. */
  entries = 0;
  walk: Walk | null = null;
  broken: Break | null = null;
  #file = '';
  #take: (line: string) => void = () => undefined;
  #isWhole = true;

  begin(file: string): void {
    this.#file = file;
    this.#isWhole = false;
    this.#take = (line) => this.#head(line);
  }

  take(line: string): void {
    if (this.broken || line === '') return;
    try {
      this.#take(line);
    } catch {
      this.#break({ number: this.#next, why: 'a line cannot be read' });
    }
  }

  end(): void {
    if (!this.broken && !this.#isWhole) this.#break({ number: this.#next, why: 'its end is missing' });
  }

  get #next(): number {
    return (this.walk?.number ?? 0) + 1;
  }

  #break({ number, why }: Break): void {
    this.broken = { number, why: `${this.#file}: ${why}` };
  }

  #head(line: string): void {
    const said: unknown = JSON.parse(line);
    const object = objectHeadSchema.safeParse(said);
    if (object.success) {
      const { first, previousHash } = object.data;
      // What lies before the first file is not there to be held against it.
      this.walk ??= { number: first - 1, hash: previousHash };
      this.#isWhole = true;
      this.#take = (next) =>
        this.#step(this.walk ?? { number: 0, hash: GENESIS }, chainedSchema.parse(JSON.parse(next)));
      return;
    }
    const { isFiltered } = exportHeadSchema.parse(said).export;
    let count = 0;
    this.#take = (next) => {
      const parsed: unknown = JSON.parse(next);
      const end = exportEndSchema.safeParse(parsed);
      if (end.success) {
        this.#isWhole = end.data.end.entries === count;
        this.#take = () => this.#break({ number: this.#next, why: 'there is something after its end' });
        return;
      }
      count += 1;
      this.#exported(exportLineSchema.parse(parsed), isFiltered);
    };
  }

  /** Where entries may be left out, only a neighbour's hash can be held against what the line says. */
  #exported({ previousHash, ...entry }: z.infer<typeof exportLineSchema>, mayLeaveOut: boolean): void {
    const before = { number: entry.number - 1, hash: previousHash };
    const { walk } = this;
    if (walk && entry.number <= walk.number) {
      this.#break({ number: this.#next, why: `entry ${entry.number} comes after ${walk.number}` });
    } else {
      this.#step(walk && (!mayLeaveOut || walk.number === before.number) ? walk : before, entry);
      if (!this.broken && walk?.number === before.number && walk.hash !== previousHash) {
        this.#break({ number: entry.number, why: `entry ${entry.number} does not follow the one before it` });
      }
    }
  }

  #step(walk: Walk, entry: Chained): void {
    const next = follow(walk, entry);
    if ('why' in next) {
      this.#break(next);
      return;
    }
    this.walk = next;
    this.entries += 1;
  }
}
