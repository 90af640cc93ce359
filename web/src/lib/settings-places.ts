/** The pages of a person's own settings, in the order of every menu. */
import Bell from '@lucide/svelte/icons/bell';
import KeyRound from '@lucide/svelte/icons/key-round';
import Link from '@lucide/svelte/icons/link';
import Lock from '@lucide/svelte/icons/lock';
import MonitorSmartphone from '@lucide/svelte/icons/monitor-smartphone';
import ShieldCheck from '@lucide/svelte/icons/shield-check';
import Ticket from '@lucide/svelte/icons/ticket';
import { texts } from '#lib/texts.ts';

export const SETTINGS_PLACES = [
  { href: '/settings/keys', label: texts.settings.keys.title, icon: KeyRound },
  { href: '/settings/tokens', label: texts.settings.tokens.title, icon: Ticket },
  { href: '/settings/sessions', label: texts.settings.sessions.title, icon: MonitorSmartphone },
  { href: '/settings/password', label: texts.settings.password.title, icon: Lock },
  { href: '/settings/security', label: texts.settings.security.title, icon: ShieldCheck },
  { href: '/settings/accounts', label: texts.settings.accounts.title, icon: Link },
  { href: '/settings/notifications', label: texts.settings.notifications.title, icon: Bell },
] as const;
