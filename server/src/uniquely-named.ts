import { AppError } from '@easel/schema/errors';
import { uniqueViolation } from './db.ts';

/** Does what stores a thing by its name. `what` with its article, like "a template". Throws NAME_TAKEN for a name that another has. */
export async function uniquelyNamed<T>(thing: { what: string; name: string }, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (err) {
    if (uniqueViolation(err) === null) throw err;
    const { what, name } = thing;
    throw new AppError({ code: 'NAME_TAKEN', message: `there is already ${what} "${name}": choose another name` });
  }
}
