import { FakeApiServer } from './fake-api-server.kit.ts';
import { describePlatform } from './platform.contract.ts';

describePlatform('the fake API server', async () => {
  const fake = new FakeApiServer();
  await fake.listen();
  return { config: fake.kubeConfig(), namespace: 'easel', close: () => fake.close() };
});
