/**
 * What environments on a cluster need beside Easel, on this machine: a Git server with a project, and a registry, which asks
 * for a sign-in, with an image for dev containers.
 */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PlatformSettingsInput } from '@easel/schema/platform-settings';
import { serveGit } from '../../worker-agent/test/git-http.ts';
import { makeImage, removeImage } from '../../worker-agent/test/images.ts';
import { type Registry, SIGN_IN, startRegistry } from '../../worker-agent/test/registry.ts';
import { makeRepository } from './repository.ts';

const secretName = 'registry-on-this-machine';
const devImage = 'easel-test/in-cluster:1';

export interface Surroundings {
  gitUrl: string;
  image: string;
  /** Of the platform, so that its environments can pull the image. */
  settings: PlatformSettingsInput;
  /** The Secret that the settings name, for the environments' namespace. */
  pullSecret: object;
  stop(): Promise<void>;
}

/** `host`: where pods reach this machine. */
export async function startSurroundings(host: string): Promise<Surroundings> {
  const folder = mkdtempSync(join(tmpdir(), 'easel-repositories-'));
  makeRepository(folder);
  chmodSync(folder, 0o755);
  const git = await serveGit(folder, { host });
  const registry = await startRegistry();
  const place = `${host}:${registry.port}`;
  pushDevImage(registry);
  return {
    gitUrl: `${git.url}/project.git`,
    image: `${place}/${devImage}`,
    settings: { insecureRegistries: [place], pullSecrets: [secretName] },
    pullSecret: pullSecretFor(place),
    async stop() {
      await registry.stop();
      await git.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Nothing but busybox. */
function pushDevImage(registry: Registry): void {
  makeImage({
    name: devImage,
    changes: ['USER root'],
    files: { 'etc/passwd': { text: 'root:x:0:0:root:/root:/bin/sh\n' } },
  });
  try {
    registry.push(devImage, devImage);
  } finally {
    removeImage(devImage);
  }
}

function pullSecretFor(registry: string): object {
  const auth = Buffer.from(`${SIGN_IN.username}:${SIGN_IN.password}`).toString('base64');
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: secretName },
    type: 'kubernetes.io/dockerconfigjson',
    stringData: { '.dockerconfigjson': JSON.stringify({ auths: { [registry]: { auth } } }) },
  };
}
