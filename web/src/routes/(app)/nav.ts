import Boxes from '@lucide/svelte/icons/boxes';
import LayoutTemplate from '@lucide/svelte/icons/layout-template';
import Server from '@lucide/svelte/icons/server';
import Settings from '@lucide/svelte/icons/settings';
import { texts } from '#lib/texts.ts';

/** The places of the main navigation. `root` is the path under which a place counts as the current one. */
export const PLACES = [
  { href: '/', root: '/environments', label: texts.nav.environments, icon: Boxes },
  { href: '/templates', root: '/templates', label: texts.nav.templates, icon: LayoutTemplate },
  { href: '/settings/keys', root: '/settings', label: texts.nav.settings, icon: Settings },
  { href: '/platform', root: '/platform', label: texts.nav.platform, icon: Server },
] as const;

export function isCurrent(place: (typeof PLACES)[number], pathname: string): boolean {
  return pathname === place.href || pathname === place.root || pathname.startsWith(`${place.root}/`);
}

/** Opens "Go to…" everywhere, also while somebody types. */
export const PALETTE_KEYS = /Mac|iPhone|iPad/.test(navigator.platform) ? '⌘K' : 'Ctrl+K';
