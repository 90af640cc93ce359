import { spawn } from 'node:child_process';

/** Opens an address with the desktop's own opener. Where there is none, the address that is printed has to do. */
export function openInBrowser(url: string): void {
  const opener = spawn('xdg-open', [url], { detached: true, stdio: 'ignore' });
  opener.on('error', () => undefined);
  opener.unref();
}
