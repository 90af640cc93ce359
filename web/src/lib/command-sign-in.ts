/** What `easel sign-in` puts into the address that it opens: where on this machine it waits for its token. */
export interface CommandSignIn {
  /** Where the form goes: the loopback alone, whatever the address says. */
  action: string;
  /** Proves to the command that the answer is the one to its own question. */
  state: string;
  /** What the token is to be called: the machine's name. */
  name: string;
}

const MAX_NAME = 100;

/** Null for an address that `easel sign-in` did not make. */
export function parseCommandSignIn(query: Pick<URLSearchParams, 'get'>): CommandSignIn | null {
  const port = Number(query.get('port'));
  const state = query.get('state') ?? '';
  if (!Number.isInteger(port) || port < 1 || port > 65_535 || !/^[A-Za-z0-9_-]{20,200}$/.test(state)) return null;
  const name = (query.get('name') ?? '').replace(/[\p{Cc}\p{Cf}]/gu, '').trim();
  return { action: `http://127.0.0.1:${port}/`, state, name: name.slice(0, MAX_NAME) || 'easel' };
}
