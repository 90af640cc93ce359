/** Sign-in and sign-out. The server sets and clears the cookie; the page never sees it. */
import { texts } from '#lib/texts.ts';

export type Credentials = { code: string } | { login: string; password: string };

const LIMIT_MS = 15_000;

/** Null when it worked, else a sentence that says why not. */
export function signIn(credentials: Credentials): Promise<string | null> {
  return refusalOf('/auth/sign-in', credentials);
}

/** A way of signing in besides the password. Without a path, people of it use the form. */
export type OfferedModule = { id: string; name: string; startPath: string | null };

/** None when the server does not say. */
export async function signInModules(): Promise<OfferedModule[]> {
  try {
    const response = await fetch('/auth/modules', { signal: AbortSignal.timeout(LIMIT_MS) });
    return response.ok ? ((await response.json()) as OfferedModule[]) : [];
  } catch {
    return [];
  }
}

export type InvitationShown = { name: string; email: string | null; invitedBy: string; expiresAt: string };

/** What an invitation says, or a sentence why it is none. */
export async function showInvitation(code: string): Promise<InvitationShown | string> {
  try {
    const response = await post('/auth/invitation', { code });
    return response.ok ? ((await response.json()) as InvitationShown) : await sentenceOf(response);
  } catch {
    return texts.signIn.noAnswer;
  }
}

/** Makes the user of an invitation and signs him in. Null when it worked, else a sentence that says why not. */
export function join(wish: { code: string; login: string; name: string; password: string }): Promise<string | null> {
  return refusalOf('/auth/join', wish);
}

/** Whether a forgotten password can be set anew by mail. */
export async function mayForget(): Promise<boolean> {
  try {
    const response = await fetch('/auth/forgot', { signal: AbortSignal.timeout(LIMIT_MS) });
    return response.ok && ((await response.json()) as { isOffered: boolean }).isOffered;
  } catch {
    return false;
  }
}

/** Has a link mailed to whoever that is. Null when it was asked for, else a sentence that says why not. */
export function forgotPassword(who: string): Promise<string | null> {
  return refusalOf('/auth/forgot', { who });
}

/** With the code of a mailed link. Null when it worked, else a sentence that says why not. */
export function resetPassword(code: string, password: string): Promise<string | null> {
  return refusalOf('/auth/reset', { code, password });
}

async function refusalOf(path: string, body: unknown): Promise<string | null> {
  try {
    const response = await post(path, body);
    return response.ok ? null : await sentenceOf(response);
  } catch {
    return texts.signIn.noAnswer;
  }
}

async function sentenceOf(response: Response): Promise<string> {
  const body: unknown = await response.json().catch(() => null);
  const message = typeof body === 'object' && body !== null && 'message' in body ? body.message : null;
  return typeof message === 'string' && message !== '' ? message : texts.signIn.refused;
}

export async function signOut(): Promise<boolean> {
  try {
    return (await post('/auth/sign-out', {})).ok;
  } catch {
    return false;
  }
}

function post(path: string, body: unknown): Promise<Response> {
  return fetch(path, {
    method: 'POST',
    credentials: 'same-origin',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(LIMIT_MS),
  });
}

/** Where to go after signing in: a path of this site, or the start. Anything else could lead to a stranger's page. */
export function safeNext(next: string | null): string {
  return next && /^\/(?![/\\])[^\s\\]*$/.test(next) && !next.startsWith('/sign-in') ? next : '/';
}

export function signInPath(location: { pathname: string; search: string }): string {
  const next = safeNext(location.pathname + location.search);
  return next === '/' ? '/sign-in' : `/sign-in?next=${encodeURIComponent(next)}`;
}
