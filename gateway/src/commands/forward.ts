import type { Context } from '../context.ts';
import { parseMapping } from '../tunnel/mapping.ts';
import { findRunning, serveForwards } from './open.ts';

interface ForwardOptions {
  readonly address: string;
}

export async function forward(
  context: Context,
  name: string,
  texts: readonly string[],
  options: ForwardOptions,
): Promise<void> {
  const { out } = context;
  const mappings = texts.map(parseMapping);
  const api = await context.api();
  const environment = await findRunning(api, name);
  await serveForwards(context, {
    api,
    environment,
    host: options.address,
    mappings,
    onListening: (forwards) => {
      out.json({ id: environment.id, name: environment.name, forwards });
      for (const { address, remotePort } of forwards)
        out.line(`${out.paint('bold', address)} leads to port ${remotePort} of ${environment.name}`);
      out.note('Ctrl-C ends it');
    },
  });
}
