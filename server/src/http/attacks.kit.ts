/**
 * Documents that are made to cost more than they are worth, as graphql-cop and the advisories of other servers have them.
 * Each is refused, wherever it comes from, before anything of it runs. `seed` makes texts differ, as an attacker would: what
 * was seen before is kept.
 */
export interface Attack {
  what: string;
  document: (seed?: number) => string;
  /** A word of the answer. */
  reason: string;
}

const times = (count: number, make: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => make(i)).join(' ');

export const ATTACKS: readonly Attack[] = [
  {
    what: 'too many aliases',
    document: (seed = 0) => `{ ${times(40, (i) => `a${seed}_${i}: me { id }`)} }`,
    reason: 'Aliases limit',
  },
  {
    what: 'too many directives',
    document: (seed = 0) => `{ x${seed}: me { id ${times(40, () => '@include(if: true)')} } }`,
    reason: 'irective',
  },
  {
    what: 'too many tokens',
    document: (seed = 0) => `{ x${seed}: me { id } ${times(800, () => 'me { id }')} }`,
    reason: 'oken',
  },
  { what: 'a field that is not there', document: (seed = 0) => `{ nothing${seed} }`, reason: 'Cannot query field' },
  {
    what: 'a fragment that contains itself',
    document: (seed = 0) => `{ x${seed}: me { ...a } } fragment a on User { ...a }`,
    reason: 'itself',
  },
  {
    what: 'too deep',
    document: (seed = 0) => `{ __type(name: "a${seed}") { ${'fields { type { '.repeat(7)} name ${'} } '.repeat(7)} } }`,
    reason: 'epth',
  },
  {
    what: 'types that contain each other',
    document: (seed = 0) =>
      `{ x${seed}: __typename __schema { types { ${'fields { type { '.repeat(5)} name ${'} } '.repeat(5)} } } }`,
    reason: 'epth',
  },
  {
    what: 'one field over and over',
    document: (seed = 0) => `{ x${seed}: __typename ${times(500, () => '__typename')} }`,
    reason: '15 times',
  },
  {
    what: 'fields that are compared with each other',
    document: (seed = 0) => `{ x${seed}: __typename ${times(200, () => 'environments(first: 1) { __typename }')} }`,
    reason: '15 times',
  },
  {
    what: 'a chain of fragments',
    document: (seed = 0) =>
      `{ x${seed}: __typename me { ...f0 } } ${times(150, (i) => `fragment f${i} on User { id ...f${i + 1} }`)} fragment f150 on User { id }`,
    reason: 'fragments',
  },
  {
    what: 'one fragment over and over',
    document: (seed = 0) => `{ x${seed}: __typename me { ${times(200, () => '...f')} } } fragment f on User { id }`,
    reason: '15 times',
  },
  {
    what: 'many operations',
    document: (seed = 0) => `${times(300, (i) => `query q${i} { __typename }`)} query x${seed} { __typename }`,
    reason: 'operations',
  },
  {
    what: 'many variables',
    document: (seed = 0) => `query x${seed}(${times(400, (i) => `$v${i}: Int`)}) { __typename }`,
    reason: 'variables',
  },
  {
    what: 'much that is no token',
    document: (seed = 0) => `{ x${seed}: __typename ${','.repeat(200_000)} }`,
    reason: 'characters',
  },
  {
    what: 'a long word',
    document: (seed = 0) => `{ x${seed}: environment(id: "${'x'.repeat(200_000)}") { id } }`,
    reason: 'characters',
  },
  {
    what: 'brackets in brackets',
    document: (seed = 0) => `{ x${seed}: environment(id: ${'['.repeat(1500)}) { id } }`,
    reason: 'Syntax Error',
  },
];
