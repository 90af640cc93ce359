/** The commands that connect a cluster: the chart without the server, with the platform's token. */

export type Cluster = { serverUrl: string; token: string };

/** Words in capitals are for the person to replace. */
export function installCommand({ serverUrl, token }: Cluster): string {
  return [
    'helm install easel ./helm --namespace easel --create-namespace',
    '--set server.enabled=false',
    `--set platform.serverUrl=${serverUrl}`,
    `--set platform.token=${token}`,
    '--set image.registry=REGISTRY',
    '--set relay.publicUrl=wss://RELAY-HOST',
    '--set jump.host=SSH-HOST',
  ].join(' \\\n  ');
}

/** Gives the release another token; scheduler, relay and jump start again with it. */
export function renewCommand({ token }: Cluster): string {
  return ['helm upgrade easel ./helm --namespace easel --reuse-values', `--set platform.token=${token}`].join(
    ' \\\n  ',
  );
}
