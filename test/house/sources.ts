import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { root } from '../kit/command.ts';

/** One source file of ours and what it imports, as written. */
export interface Source {
  /** From the project's folder. */
  path: string;
  imports: string[];
}

/** All sources, committed or about to be; what is generated or ignored is not ours. */
export function readSources(): Source[] {
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '--deduplicate'], {
    cwd: root,
    encoding: 'utf8',
  });
  return listed
    .split('\n')
    .filter((path) => /\.(ts|mts|js|mjs|svelte)$/.test(path))
    .flatMap((path) => {
      const text = readIfThere(join(root, path));
      return text === undefined ? [] : [{ path, imports: importsOf(path, text) }];
    });
}

/** The specifiers of all static and dynamic imports, type imports included. */
export function importsOf(path: string, text: string): string[] {
  const scripts = path.endsWith('.svelte') ? scriptsOf(text) : [text];
  return scripts.flatMap((script) => ts.preProcessFile(script, true, true).importedFiles.map((file) => file.fileName));
}

function scriptsOf(component: string): string[] {
  return [...component.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/g)].map((match) => match[1] ?? '');
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Deleted in the working tree and not yet in a commit.
    return undefined;
  }
}
