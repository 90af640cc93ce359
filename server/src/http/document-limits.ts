/**
 * What a document may hold before it is validated: validation compares every two fields that answer under one name, and
 * walks through fragments again and again, so that a small document can cost much time. One walk over what was parsed.
 * Depth, aliases and directives are graphql-armor's; what an operation costs when it runs is the schema's (api/builder.ts).
 */
import { type DocumentNode, GraphQLError, Kind, type SelectionSetNode } from 'graphql';
import type { Plugin } from 'graphql-yoga';

export interface DocumentLimits {
  /** Characters; comments and commas are no tokens, but are read all the same. */
  length: number;
  operations: number;
  fragments: number;
  /** Of one operation. */
  variables: number;
  /** Of one selection set: fields that answer under the same name. */
  sameName: number;
}

export function limitDocuments<Context extends Record<string, unknown>>(limits: DocumentLimits): Plugin<Context> {
  // Documents that were seen before are kept by the engine: each is walked through once.
  const good = new WeakSet<DocumentNode>();
  return {
    onParse({ parseFn, setParseFn }) {
      setParseFn((source: unknown, options: unknown) => {
        const { length } = typeof source === 'string' ? source : String((source as { body?: unknown })?.body ?? '');
        if (length > limits.length) throw tooMuch(`${limits.length} characters, and got ${length}`);
        const document = parseFn(source as string, options as object) as DocumentNode;
        if (!good.has(document)) checkDocument(document, limits);
        good.add(document);
        return document;
      });
    },
  };
}

/** Throws LIMIT_EXCEEDED. */
export function checkDocument(document: DocumentNode, limits: DocumentLimits): void {
  const count = (kind: Kind) => document.definitions.filter((definition) => definition.kind === kind).length;
  if (count(Kind.OPERATION_DEFINITION) > limits.operations) throw tooMuch(`${limits.operations} operations`);
  if (count(Kind.FRAGMENT_DEFINITION) > limits.fragments) throw tooMuch(`${limits.fragments} fragments`);
  const isOver = document.definitions.some(
    (definition) =>
      definition.kind === Kind.OPERATION_DEFINITION && (definition.variableDefinitions?.length ?? 0) > limits.variables,
  );
  if (isOver) throw tooMuch(`${limits.variables} variables`);
  const waiting: SelectionSetNode[] = document.definitions.flatMap((definition) =>
    'selectionSet' in definition && definition.selectionSet ? [definition.selectionSet] : [],
  );
  for (let set = waiting.pop(); set; set = waiting.pop()) {
    const names = new Map<string, number>();
    for (const selection of set.selections) {
      if (selection.kind === Kind.INLINE_FRAGMENT) names.set('...', (names.get('...') ?? 0) + 1);
      else {
        const spread = selection.kind === Kind.FRAGMENT_SPREAD ? '...' : '';
        const alias = selection.kind === Kind.FIELD ? selection.alias : undefined;
        const name = spread + (alias ?? selection.name).value;
        names.set(name, (names.get(name) ?? 0) + 1);
      }
      if (selection.kind !== Kind.FRAGMENT_SPREAD && selection.selectionSet) waiting.push(selection.selectionSet);
    }
    const [most] = [...names].filter(([, times]) => times > limits.sameName);
    if (most) throw tooMuch(`the same field, here "${most[0]}", ${limits.sameName} times in one place`);
  }
}

function tooMuch(what: string): GraphQLError {
  return new GraphQLError(`a document has at most ${what}: ask for less, or in several requests`, {
    extensions: { code: 'LIMIT_EXCEEDED' },
  });
}
