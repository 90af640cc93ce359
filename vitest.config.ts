import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

const elsewhere = ['**/node_modules/**', '**/build/**', '**/dist/**', '**/.svelte-kit/**'];

/**
 * Vite would take the ECMAScript build of graphql for our files while its own users take the other one, and graphql
 * refuses schemas of a second copy of itself.
 */
const oneGraphql = { alias: [{ find: /^graphql$/, replacement: fileURLToPath(import.meta.resolve('graphql')) }] };

/** A suite in `test/<name>` drives whole processes: one file at a time, with time for them to start. */
function acrossProcesses(name: string): TestProjectInlineConfiguration {
  return {
    extends: true,
    test: {
      name,
      include: [`test/${name}/**/*.test.ts`],
      fileParallelism: false,
      testTimeout: 120_000,
      hookTimeout: 180_000,
    },
  };
}

export default defineConfig({
  resolve: oneGraphql,
  test: {
    // Two cores: more workers only wait for each other.
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['**/*.test.ts'],
          exclude: [...elsewhere, '**/*.db.test.ts', 'web/**', 'test/!(kit)/**'],
        },
      },
      {
        plugins: [svelte({ configFile: false })],
        test: { name: 'web', include: ['web/src/**/*.test.ts'], exclude: elsewhere },
      },
      {
        extends: true,
        test: {
          name: 'db',
          include: ['**/*.db.test.ts'],
          exclude: elsewhere,
          globalSetup: 'test/kit/postgres.setup.ts',
          setupFiles: 'test/kit/own-database.setup.ts',
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      { extends: true, test: { name: 'house', include: ['test/house/**/*.test.ts'] } },
      {
        extends: true,
        test: { name: 'helm', include: ['test/helm/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000 },
      },
      acrossProcesses('flows'),
      acrossProcesses('faults'),
      acrossProcesses('browser'),
      acrossProcesses('cluster'),
    ],
  },
});
