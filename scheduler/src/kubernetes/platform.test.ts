import { describe } from 'vitest';
import { FakeApiServer } from './fake-api-server.kit.ts';
import { platformContract } from './platform.contract.ts';

describe('the platform kubernetes on the fake API server', () => {
  platformContract(async () => {
    const fake = new FakeApiServer();
    await fake.listen();
    return { config: fake.kubeConfig(), namespace: 'easel', close: () => fake.close() };
  });
});
