/** Sign-in and sign-out. The server sets and clears the cookie; the page never sees it. */
import { texts } from '#lib/texts.ts';
import { ask, LIMIT_MS, type Told } from './auth.ts';

export type Credentials = { code: string } | { login: string; password: string };

export type Way = 'totp' | 'passkey' | 'recoveryCode';
/** What comes after the password: a second factor, or setting up the first one. */
export type NextStep = { step: 'secondFactor' | 'setUp'; ways: Way[] };

/** Neither a step nor a refusal: signed in. */
export function signIn(credentials: Credentials): Promise<Told<NextStep>> {
  return ask('/auth/sign-in', credentials);
}

/** Whether this browser is half-way in still. After too long, or too many wrong codes, it starts again. */
export async function isHalfWayIn(): Promise<boolean> {
  const { value, refused } = await ask<{ step: string | null }>('/auth/step');
  return refused !== null || value?.step != null;
}

/** A way of signing in besides the password. Without a path, people of it use the form. */
export type OfferedModule = { id: string; name: string; kind: string; startPath: string | null };

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
  const { value, refused } = await ask<InvitationShown>('/auth/invitation', { code });
  return value ?? refused?.message ?? texts.signIn.refused;
}

/** Makes the user of an invitation and signs him in, as `signIn` does. */
export function join(wish: { code: string; login: string; name: string; password: string }): Promise<Told<NextStep>> {
  return ask('/auth/join', wish);
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
  return (await ask(path, body)).refused?.message ?? null;
}

export async function signOut(): Promise<boolean> {
  return (await ask('/auth/sign-out')).refused === null;
}

/** Where to go after signing in: a path of this site, or the start. Anything else could lead to a stranger's page. */
export function safeNext(next: string | null): string {
  return next && /^\/(?![/\\])[^\s\\]*$/.test(next) && !next.startsWith('/sign-in') ? next : '/';
}

export function signInPath(location: { pathname: string; search: string }): string {
  const next = safeNext(location.pathname + location.search);
  return next === '/' ? '/sign-in' : `/sign-in?next=${encodeURIComponent(next)}`;
}
