/** Arguments and options that several commands share, and how their words are read. */
import { Argument, InvalidArgumentError, Option } from 'commander';
import { parseSize } from '../output/format.ts';

/** What the names are of that may stand in an argument or option: completion offers them. */
export type Names =
  | 'environments'
  | 'templates'
  | 'namespaces'
  | 'platforms'
  | 'instanceTypes'
  | 'snapshots'
  | 'scopes'
  | 'serviceAccounts'
  | 'tokens'
  | 'webhooks'
  | 'webhookEvents';
const namesOf = new WeakMap<Argument | Option, Names>();

export function completedBy<T extends Argument | Option>(thing: T, names: Names): T {
  namesOf.set(thing, names);
  return thing;
}

export function namesFor(thing: Argument | Option): Names | undefined {
  return namesOf.get(thing);
}

export function environmentArgument(): Argument {
  return completedBy(new Argument('<name>', 'name or id of an environment'), 'environments');
}

export function templateArgument(): Argument {
  return completedBy(new Argument('<template>', 'name or id of a template'), 'templates');
}

export function namespaceOption(meaning: string): Option {
  return completedBy(new Option('--namespace <namespace>', meaning), 'namespaces');
}

export function waitOption(): Option {
  return new Option('--wait', 'wait until it is done, showing each step');
}

export function timeoutOption(): Option {
  return new Option('--timeout <seconds>', 'give up waiting after so many seconds').argParser(wholeNumber(1, 604_800));
}

/** A reader of whole numbers in a range. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max)
      throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`);
    return value;
  };
}

export const portNumber = wholeNumber(1, 65_535);

/** A reader of sizes like `40GiB`. */
export function sizeInBytes(text: string): number {
  const bytes = parseSize(text);
  if (bytes === null || bytes === 0) throw new InvalidArgumentError('Expected a size like 40GiB.');
  return bytes;
}

/** Collects an option that may be given several times. */
export function collect(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text];
}

export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}
