/**
 * What the command asks of the API: a document and the shape of its answer. A document calls its one field `result`; the
 * answer is parsed before anything of it is used. A test holds every document against the committed schema.
 */
import { z } from 'zod';

export interface Operation<T> {
  readonly document: string;
  readonly result: z.ZodType<T>;
}

export function operation<T>(document: string, result: z.ZodType<T>): Operation<T> {
  return { document, result };
}

export interface Page<T> {
  pageInfo: { hasNextPage: boolean; endCursor: string | null };
  items: T[];
}

/** A page of a connection (GraphQL Cursor Connections Specification). */
export function page<T>(node: z.ZodType<T>): z.ZodType<Page<T>> {
  const edge = z.object({ node: node.nullable() }).nullable();
  return z
    .object({
      pageInfo: z.object({ hasNextPage: z.boolean(), endCursor: z.string().nullable() }),
      edges: z.array(edge),
    })
    .transform(({ pageInfo, edges }) => ({
      pageInfo,
      items: (edges as ({ node: T | null } | null)[]).flatMap((item) => item?.node ?? []),
    }));
}

/** The part of a selection that every mutation ends with. */
export const REFUSAL = '... on Refusal { code message details }';
