/** Images made of what this machine has: nothing can be pulled in a test. Each is removed again. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pingDocker } from '@easel/kit/docker-daemon';

/** Why images cannot be made here, or null. */
export async function whyNoDocker(): Promise<string | null> {
  const answer = await pingDocker(process.env.DOCKER_HOST);
  if (!answer.isThere) return answer.reason;
  return spawnSync('busybox', ['true']).status === 0 ? null : 'busybox is missing: apt-get install busybox-static';
}

export interface ImageOptions {
  name: string;
  /** Lines of Dockerfile syntax, as `docker import --change` takes them. */
  changes?: string[];
  /** Text files, by path. */
  files?: Record<string, { text: string; mode?: number; uid?: number }>;
  /** False leaves every program out. */
  hasPrograms?: boolean;
}

const APPLETS = [
  'sh',
  'cat',
  'echo',
  'sleep',
  'id',
  'ls',
  'nc',
  'env',
  'true',
  'httpd',
  'mkdir',
  'touch',
  'wc',
  'ps',
  'stat',
];

/** A file system with busybox and nothing else, as an image. */
export function makeImage(options: ImageOptions): string {
  const dir = mkdtempSync(join(tmpdir(), 'easel-image-'));
  const run = (program: string, ...args: string[]) => execFileSync(program, args, { cwd: dir, stdio: 'pipe' });
  const write = (path: string, text: string, mode = 0o644, uid = 0) => {
    run('mkdir', '-p', join(dir, path, '..'));
    execFileSync('tee', [join(dir, path)], { input: text, stdio: ['pipe', 'ignore', 'pipe'] });
    run('chmod', mode.toString(8), join(dir, path));
    run('chown', `${uid}:${uid}`, join(dir, path));
  };
  try {
    if (options.hasPrograms !== false) {
      run('mkdir', '-p', 'bin', 'tmp');
      run('chmod', '1777', 'tmp');
      run('cp', execFileSync('which', ['busybox'], { encoding: 'utf8' }).trim(), 'bin/busybox');
      for (const applet of APPLETS) run('ln', '-s', 'busybox', `bin/${applet}`);
    }
    write('.image', options.name);
    for (const [path, { text, mode, uid }] of Object.entries(options.files ?? {})) write(path, text, mode, uid);
    const changes = (options.changes ?? []).flatMap((change) => ['--change', change]);
    const tar = execFileSync('tar', ['-C', dir, '-c', '.'], { maxBuffer: 64 * 1024 * 1024 });
    execFileSync('docker', ['import', ...changes, '-', options.name], { input: tar, stdio: ['pipe', 'pipe', 'pipe'] });
    return options.name;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

export function removeImage(name: string): void {
  spawnSync('docker', ['image', 'rm', '-f', name]);
}
