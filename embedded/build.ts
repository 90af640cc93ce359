/** `npm run build`: makes everything that is older than its sources. */
import { fileURLToPath } from 'node:url';
import { build } from './src/building/build.ts';
import { BUILD_STEPS } from './src/building/steps.ts';
import { StartProblem } from './src/problem.ts';
import { Screen } from './src/screen.ts';

const screen = new Screen(process.stdout, { isVerbose: false });
try {
  await build(fileURLToPath(new URL('..', import.meta.url)), BUILD_STEPS, screen);
  screen.line('everything is built');
} catch (err) {
  if (!(err instanceof StartProblem)) throw err;
  screen.problem(err.message);
  process.exitCode = 1;
}
