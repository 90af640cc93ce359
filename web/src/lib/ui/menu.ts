/** Classes that all menus share. */
export const MENU_CONTENT =
  'bg-surface border-line shadow-float animate-in fade-in-0 zoom-in-98 z-50 min-w-48 rounded-xl border p-1 text-sm outline-none';
export const MENU_ITEM =
  'data-highlighted:bg-hover flex h-8.5 cursor-pointer items-center gap-2.5 rounded-lg px-2.5 outline-none select-none data-disabled:opacity-50';
