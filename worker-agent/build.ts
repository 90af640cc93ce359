/** `npm run build -w @easel/worker-agent`: makes the inside pack in `dist/inside`. Does nothing when nothing changed. */
import { join } from 'node:path';
import { buildPack } from './src/inside/pack/build.ts';

const startedAt = performance.now();
const { isNew, path, programs } = await buildPack({
  into: join(import.meta.dirname, 'dist'),
  onProgress: (text) => process.stdout.write(`${text}\n`),
});
const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
const outcome = isNew ? `made in ${seconds} s` : 'up to date';
process.stdout.write(`inside pack ${outcome}: ${path} (programs: ${programs.join(', ') || 'none'})\n`);
