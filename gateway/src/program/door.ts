/**
 * How words become a call: what a command needs is loaded only when it is the one that was typed, so that all others cost
 * nothing.
 */
import type { Context } from '../context.ts';
import type { Io } from '../io.ts';

export interface Door {
  readonly io: Io;
  context(): Context;
  exitWith(code: number): void;
}

/** Gives its exit code, or nothing for 0. */
type Handler<A extends unknown[]> = (context: Context, ...args: A) => Promise<number> | Promise<void>;

/** Gives what commander calls with the arguments of a command. */
export function through<A extends unknown[]>(door: Door, load: () => Promise<Handler<A>>) {
  return async (...args: A): Promise<void> => {
    const handler = await load();
    door.exitWith((await handler(door.context(), ...args)) ?? 0);
  };
}
