import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

const elsewhere = ['**/node_modules/**', '**/build/**', '**/dist/**', '**/.svelte-kit/**'];

/** A suite in `test/<name>` drives whole processes: one file at a time, with time for them to start. */
function acrossProcesses(name: string): TestProjectInlineConfiguration {
  return {
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
  test: {
    // Two cores: more workers only wait for each other.
    maxWorkers: 2,
    projects: [
      {
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
      { test: { name: 'house', include: ['test/house/**/*.test.ts'] } },
      acrossProcesses('flows'),
      acrossProcesses('faults'),
      acrossProcesses('browser'),
    ],
  },
});
