/** Opens a page on this machine's desktop. */
import { spawn } from 'node:child_process';
import type { Env } from '@easel/kit/config';

const OPENERS: Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>> = {
  darwin: ['open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
};

/** Says whether an opener could be started; what the browser does with the page nobody can know. */
export function openBrowser(url: string, options: { browser: string | undefined; env: Env }): Promise<boolean> {
  const [command, ...args] = options.browser ? [options.browser] : (OPENERS[process.platform] ?? ['xdg-open']);
  return new Promise((resolve) => {
    const child = spawn(command, [...args, url], { stdio: 'ignore', detached: true, env: options.env });
    child.once('error', () => resolve(false));
    child.once('spawn', () => {
      child.unref();
      resolve(true);
    });
  });
}
