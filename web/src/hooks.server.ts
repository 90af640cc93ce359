import type { Handle } from '@sveltejs/kit/hooks';
import { createInitialModeExpression } from 'mode-watcher';

/** What the browser gets as its session, under plain HTTP and under HTTPS. */
const SESSION_COOKIES = ['easel_session', '__Host-easel_session'];

/**
 * Without a session cookie the signed-in pages are not even sent: straight to sign-in. Whether the cookie is still good is
 * the API's to say. Also sets light or dark before the first paint.
 */
export const handle: Handle = async ({ event, resolve }) => {
  const isGuarded = event.route.id?.startsWith('/(app)') ?? false;
  if (isGuarded && !SESSION_COOKIES.some((name) => event.cookies.get(name))) {
    const next = event.url.pathname + event.url.search;
    const location = next === '/' ? '/sign-in' : `/sign-in?next=${encodeURIComponent(next)}`;
    return new Response(null, { status: 303, headers: { location, 'cache-control': 'no-store' } });
  }
  const response = await resolve(event, {
    transformPageChunk: ({ html }) =>
      html.replace('%easel.mode%', createInitialModeExpression({ themeColors: { light: '#f9f8f5', dark: '#101218' } })),
  });
  response.headers.set('x-content-type-options', 'nosniff');
  response.headers.set('referrer-policy', 'no-referrer');
  return response;
};
