/** The sample template's repository: a small project as a bare Git repository in the data folder, made at the first start. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { StartProblem } from '../problem.ts';

const project = fileURLToPath(new URL('../../sample', import.meta.url));
/** The same in every installation, so that the same project has the same commit. */
const author = { name: 'Easel', email: 'sample@easel.invalid', date: '2026-01-01T00:00:00Z' };

/** Gives the repository's file URL. An existing one is kept: people may have pushed to it. Throws StartProblem. */
export function keepSampleRepository(dataDir: string): string {
  const repository = join(dataDir, 'sample/hello-easel.git');
  if (!existsSync(repository)) makeRepository(repository);
  return pathToFileURL(repository).href;
}

function makeRepository(repository: string): void {
  mkdirSync(dirname(repository), { recursive: true });
  const work = mkdtempSync(`${repository}.`);
  try {
    cpSync(project, work, { recursive: true });
    const git = (...args: string[]) => runGit(work, args);
    git('init', '--quiet', '--initial-branch=main');
    git('add', '--all');
    git('commit', '--quiet', '--message=Say hello');
    const bare = join(work, '.bare');
    git('clone', '--quiet', '--bare', '--no-hardlinks', work, bare);
    renameSync(bare, repository);
  } catch (err) {
    const words = String((err as { stderr?: Buffer }).stderr ?? (err as Error).message).trim();
    throw new StartProblem(`cannot make the sample repository with git: ${words}`, { cause: err });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Without the person's own configuration: no hooks, no signing, no templates. */
function runGit(cwd: string, args: readonly string[]): void {
  execFileSync('git', [...args], {
    cwd,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      PATH: process.env.PATH ?? '/usr/bin:/bin',
      HOME: cwd,
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_TEMPLATE_DIR: '',
      GIT_AUTHOR_NAME: author.name,
      GIT_AUTHOR_EMAIL: author.email,
      GIT_AUTHOR_DATE: author.date,
      GIT_COMMITTER_NAME: author.name,
      GIT_COMMITTER_EMAIL: author.email,
      GIT_COMMITTER_DATE: author.date,
    },
  });
}
