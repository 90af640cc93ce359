import { describe, it } from 'vitest';
import { type ComponentName, missing, mustHaveAll } from './components.ts';

/**
 * `describe` for tests that need components. Where one is missing they are skipped, with the reason in the title, from
 * where `test/run.ts` prints it; with EASEL_TEST_REQUIRE=all they fail.
 */
export function describeWith(names: readonly ComponentName[], title: string, body: () => void): void {
  const reasons = missing(names);
  if (reasons.length === 0) describe(title, body);
  else if (!mustHaveAll()) describe.skip(`${title} [skipped: ${reasons.join(', ')}]`, body);
  else {
    describe(title, () => {
      it('has the components it needs', () => {
        throw new Error(reasons.join('\n'));
      });
    });
  }
}
