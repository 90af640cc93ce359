/** keep: somebody needs what nobody uses. */
import { keepEnvironmentMutation } from '../api/environments.ts';
import type { Context } from '../context.ts';
import { findEnvironment } from './find.ts';

export async function keep(context: Context, name: string): Promise<void> {
  const api = await context.api();
  const { id } = await findEnvironment(api, name);
  const kept = await api.ask(keepEnvironmentMutation, { id }, { isRepeatable: true });
  const { out } = context;
  out.json(kept);
  const end = kept.cleanup
    ? `unless it is used, it is deleted on ${kept.cleanup.at.slice(0, 10)}`
    : 'it is not deleted by itself';
  out.line(`${out.paint('bold', kept.name)} is kept; ${end}`);
}
