/** The contract of the platform `kubernetes` on a real API server: what the fake one claims is so. */
import { randomBytes } from 'node:crypto';
import { systemClock } from '@easel/kit/clock';
import { ApiServer, loadKubeConfig } from '../../scheduler/src/kubernetes/api-server.ts';
import { platformContract } from '../../scheduler/src/kubernetes/platform.contract.ts';
import { describeWith } from '../kit/describe-with.ts';

describeWith(['cluster'], 'the platform kubernetes on a real API server', () =>
  platformContract(async () => {
    const config = loadKubeConfig(process.env.KUBECONFIG);
    const stopping = new AbortController();
    const api = new ApiServer({ config, clock: systemClock, signal: stopping.signal });
    const namespace = `easel-platform-${randomBytes(4).toString('hex')}`;
    const path = '/api/v1/namespaces';
    await api.call({
      method: 'POST',
      path,
      body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    });
    return {
      config,
      namespace,
      async close() {
        await api.call({ method: 'DELETE', path: `${path}/${namespace}` });
        stopping.abort();
      },
    };
  }),
);
