/** What is made from the sources before Easel can start, and when it is made again. */

export interface BuildStep {
  /** As the person sees it. */
  name: string;
  /** The workspace's folder, whose package.json has the script. */
  workspace: string;
  script: string;
  /** Files and folders of the checkout; a changed one means that the step runs again. */
  inputs: readonly string[];
  /** What must be there afterwards. */
  outputs: readonly string[];
}

export const BUILD_STEPS = [
  {
    name: 'database client',
    workspace: 'server',
    script: 'generate',
    inputs: [
      'package-lock.json',
      'server/package.json',
      'schema/database/schema.prisma',
      'schema/database/prisma.config.ts',
    ],
    outputs: ['server/src/generated/prisma', 'server/src/generated/pothos-prisma-types.ts'],
  },
  {
    name: 'inside pack',
    workspace: 'worker-agent',
    script: 'build',
    inputs: [
      'package-lock.json',
      'worker-agent/package.json',
      'worker-agent/build.ts',
      'worker-agent/src/inside',
      'kit/src',
      'schema/src',
    ],
    outputs: ['worker-agent/dist/inside'],
  },
  {
    name: 'ssh ciphers',
    workspace: 'jump',
    script: 'build',
    inputs: ['package-lock.json', 'jump/package.json', 'jump/build.ts'],
    outputs: [],
  },
  {
    name: 'web pages',
    workspace: 'web',
    script: 'build',
    inputs: [
      'package-lock.json',
      'web/package.json',
      'web/vite.config.ts',
      'web/tsconfig.json',
      'web/src',
      'web/static',
      'schema/src',
      'schema/api',
    ],
    outputs: ['web/build/handler.js'],
  },
] as const satisfies readonly BuildStep[];
