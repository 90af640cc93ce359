/** What a repository's URL says: who answers for it, what it is called, how a person may see it. */
import { fileURLToPath } from 'node:url';

export type GitAddress = { kind: 'file'; path: string } | { kind: 'host'; host: string; port: number; isSsh: boolean };

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443, 'ssh:': 22 };
const SCP_FORM = /^(?:[A-Za-z0-9._-]+@)?([A-Za-z0-9.-]+):/;
const HAS_SCHEME = /^[a-z]+:\/\//;

/** Null for a URL that `gitUrlSchema` lets through and that is none all the same. */
export function gitAddress(url: string): GitAddress | null {
  if (!HAS_SCHEME.test(url)) {
    const host = SCP_FORM.exec(url)?.[1];
    return host ? { kind: 'host', host, port: 22, isSsh: true } : null;
  }
  const parsed = URL.parse(url);
  if (!parsed) return null;
  if (parsed.protocol === 'file:') return filePath(parsed);
  const port = parsed.port ? Number(parsed.port) : DEFAULT_PORTS[parsed.protocol];
  const host = parsed.hostname.replace(/^\[|\]$/g, '');
  return port && host ? { kind: 'host', host, port, isSsh: parsed.protocol === 'ssh:' } : null;
}

function filePath(url: URL): GitAddress | null {
  try {
    return { kind: 'file', path: fileURLToPath(url) };
  } catch {
    return null;
  }
}

/** The folder that the clone gets: the last part of the URL, without what could hide it or lead elsewhere. */
export function cloneDirectory(url: string): string {
  const last =
    url
      .replace(/[?#].*$/, '')
      .replace(/\/+$/, '')
      .replace(/\/?\.git$/, '')
      .split(/[/:]/)
      .at(-1) ?? '';
  const name = decodeSafely(last)
    .replace(/[^A-Za-z0-9._-]/g, '-')
    .replace(/^[.-]+/, '')
    .slice(0, 100);
  return name || 'project';
}

function decodeSafely(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Without the password or token that it may carry. */
export function shownUrl(url: string): string {
  return url.replace(/^([a-z]+:\/\/)[^/]*@/, '$1');
}
