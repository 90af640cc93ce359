import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A small bare Git repository with a branch `main` and a branch `feature`; gives its file URL. */
export function makeRepository(
  folder: string,
  files: Record<string, string> = { 'README.md': '# A test project\n' },
): string {
  const work = join(folder, 'work');
  const bare = join(folder, 'project.git');
  mkdirSync(work, { recursive: true });
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=Test', '-c', 'user.email=test@example.com', ...args], {
      cwd: work,
      stdio: 'pipe',
    });
  git('init', '-q', '-b', 'main');
  for (const [name, text] of Object.entries(files)) writeFileSync(join(work, name), text);
  git('add', '-A');
  git('commit', '-qm', 'first');
  git('branch', 'feature');
  git('clone', '-q', '--bare', work, bare);
  chmodSync(folder, 0o755);
  return `file://${bare}`;
}
