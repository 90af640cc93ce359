/** Documents at random out of the schema, so that a new field is asked for without anybody thinking of it. */
import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNamedType,
  isEnumType,
  isLeafType,
  isNonNullType,
  isObjectType,
  isUnionType,
} from 'graphql';

export interface RandomOperation {
  operation: 'query' | 'subscription';
  query: string;
  variables: Record<string, unknown>;
}

export interface Dice {
  /** Gives one of them. */
  pick<T>(choices: readonly T[]): T;
  /** True so often, of 1. */
  chance(share: number): boolean;
}

/** The same dice for the same seed. Source: the generator mulberry32. */
export function diceOf(seed: number): Dice {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    pick: <T>(choices: readonly T[]) => choices[Math.floor(next() * choices.length)] as T,
    chance: (share) => next() < share,
  };
}

const MAX_DEPTH = 4;
const MAX_FIELDS = 6;

/** `idsFor` gives what may stand for an argument of type ID. */
export function randomOperation(
  schema: GraphQLSchema,
  root: GraphQLField<unknown, unknown>,
  parts: { operation: 'query' | 'subscription'; dice: Dice; ids: readonly string[] },
): RandomOperation {
  const { operation, dice, ids } = parts;
  const variables: Record<string, unknown> = {};
  const declared: string[] = [];
  const argument = (arg: GraphQLArgument): string | null => {
    const type = getNamedType(arg.type);
    if (!isNonNullType(arg.type) && dice.chance(0.5)) return null;
    const plain = { Int: 5, String: isNonNullType(arg.type) ? 'none' : undefined }[type.name];
    const value = type.name === 'ID' ? dice.pick(ids) : (plain ?? enumValue(type, dice));
    if (value === undefined) return null;
    const name = `v${declared.length}`;
    const isList = String(arg.type).startsWith('[');
    variables[name] = isList ? [value] : value;
    declared.push(`$${name}: ${arg.type}`);
    return `${arg.name}: $${name}`;
  };
  const call = ({ name, args }: GraphQLField<unknown, unknown>): string => {
    const given = args.map(argument).filter((text) => text !== null);
    return given.length > 0 ? `${name}(${given.join(', ')})` : name;
  };
  const isCallable = ({ args }: GraphQLField<unknown, unknown>) =>
    args.every((arg) => !isNonNullType(arg.type) || ['ID', 'Int'].includes(getNamedType(arg.type).name));
  const selection = (type: GraphQLOutputType, depth: number): string => {
    const named = getNamedType(type) as GraphQLNamedType;
    if (isLeafType(named)) return '';
    const members = isObjectType(named)
      ? [named]
      : isUnionType(named)
        ? named.getTypes()
        : schema.getPossibleTypes(named as never);
    if (members.length === 1 && members[0]) return `{ __typename ${fieldsOf(members[0], depth)} }`;
    // One type's field may have another type in another member: the type in front keeps them apart.
    const inner = members.map((member) => `... on ${member.name} { ${fieldsOf(member, depth, `${member.name}_`)} }`);
    return `{ __typename ${inner.join(' ')} }`;
  };
  const fieldsOf = (type: GraphQLObjectType, depth: number, prefix = ''): string => {
    const all = Object.values(type.getFields()).filter(isCallable);
    const fitting = all.filter((field) => depth < MAX_DEPTH || isLeafType(getNamedType(field.type)));
    const chosen = new Set(fitting.length === 0 ? [] : Array.from({ length: MAX_FIELDS }, () => dice.pick(fitting)));
    const alias = ({ name }: { name: string }) => (prefix === '' ? '' : `${prefix}${name}: `);
    return [...chosen].map((field) => `${alias(field)}${call(field)} ${selection(field.type, depth + 1)}`).join(' ');
  };
  const body = `${call(root)} ${selection(root.type, 1)}`;
  return {
    operation,
    query: `${operation} ${declared.length > 0 ? `(${declared.join(', ')})` : ''} { ${body} }`,
    variables,
  };
}

function enumValue(type: GraphQLNamedType, dice: Dice): unknown {
  return isEnumType(type) ? dice.pick(type.getValues()).name : undefined;
}
