import type { EnvironmentWithAccess, Step } from '../api/environments.ts';

/** An environment that runs, with what a test says of it. */
export function anEnvironment(fields: Partial<EnvironmentWithAccess> = {}): EnvironmentWithAccess {
  return {
    id: 'env01jdc000000000000000000000',
    name: 'shop',
    version: 1,
    phase: 'running',
    desired: 'running',
    connectivity: 'online',
    reason: null,
    failure: null,
    steps: [],
    templateName: 'sample',
    idePort: 8080,
    branch: 'main',
    repositoryUrl: 'https://git.example.com/shop.git',
    platform: { name: 'local', sshHostKeys: [] },
    runtime: 'docker',
    generation: 1,
    createdAt: '2026-11-23T12:00:00.000Z',
    startedAt: '2026-11-23T12:00:05.000Z',
    stoppedAt: null,
    lastSeenAt: '2026-11-23T12:01:00.000Z',
    activity: null,
    resources: null,
    git: [],
    ports: [],
    access: null,
    ...fields,
  };
}

export function aStep(fields: Partial<Step> = {}): Step {
  return {
    name: 'image',
    number: 1,
    state: 'waiting',
    startedAt: null,
    durationMs: null,
    fraction: null,
    text: '',
    ...fields,
  };
}
