/** What a token can be made for, as a form offers it. */
export interface Scope {
  name: string;
  description: string;
  /** Of a set: what it stands for. */
  includes: string[];
}

/** What no role gives: it is everybody's own. */
const OWN = ['environment.enter', 'account'];

export interface Offered {
  sets: Scope[];
  single: Scope[];
}

/** A token never may more than its owner: what a person does not hold is not offered. Null offers all. */
export function offeredScopes(scopes: readonly Scope[], held: readonly string[] | null): Offered {
  const isHeld = ({ name }: Scope) => held === null || OWN.includes(name) || held.includes(name);
  return {
    sets: scopes.filter(({ includes }) => includes.length > 0),
    single: scopes.filter((scope) => scope.includes.length === 0 && isHeld(scope)),
  };
}

/** In days; 0 is without end. `maxDays` 0 allows all. */
export function offeredLifetimes(maxDays: number): number[] {
  const usual = [7, 30, 90, 365];
  if (maxDays === 0) return [...usual, 0];
  const shorter = usual.filter((days) => days < maxDays);
  return [...shorter, maxDays];
}
