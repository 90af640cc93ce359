/** What each installation renders to, in `golden/`. After a change that is meant: `npm test -- helm -u`, and read the difference. */
import { expect, it } from 'vitest';
import { installations, lint, template, withoutSecrets } from '../kit/chart.ts';

it.each(Object.keys(installations))('renders %s as it did', async (name) => {
  const { code, output } = await template(name);
  expect(code, output).toBe(0);
  await expect(withoutSecrets(output)).toMatchFileSnapshot(`golden/${name}.yaml`);
});

it.each(Object.keys(installations))('has nothing that Helm warns of with %s', async (name) => {
  const { code, output } = await lint(name);
  expect(code, output).toBe(0);
  expect(output).not.toMatch(/WARNING|ERROR/);
});
