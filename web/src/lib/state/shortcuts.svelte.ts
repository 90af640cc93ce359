/**
 * Keyboard shortcuts: single keys (`c`, `/`, `?`) and two-key sequences (`g e`). They rest while somebody types, while a
 * dialog or menu is open, and with Ctrl, Alt or Meta. The help dialog lists what is registered now, so it is never wrong.
 */
import { untrack } from 'svelte';

export type Shortcut = {
  /** One key as `KeyboardEvent.key` names it, or two with a blank between. */
  keys: string;
  label: string;
  group: string;
  run: (event: KeyboardEvent) => void;
};

/** The second key of a sequence must come within this time. */
const SEQUENCE_MS = 1500;

export class Shortcuts {
  #list = $state.raw<readonly Shortcut[]>([]);
  #first: { key: string; atMs: number } | null = null;

  get list(): readonly Shortcut[] {
    return this.#list;
  }

  /** Adds shortcuts until the returned function is called. A later one goes before an earlier one of the same keys. */
  add(shortcuts: readonly Shortcut[]): () => void {
    untrack(() => {
      this.#list = [...shortcuts, ...this.#list];
    });
    return () => {
      this.#list = untrack(() => this.#list).filter((shortcut) => !shortcuts.includes(shortcut));
    };
  }

  handle = (event: KeyboardEvent): void => {
    if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.altKey || event.metaKey) return;
    if (isTyping(event.target) || isCovered()) return;
    const first = this.#first && event.timeStamp - this.#first.atMs < SEQUENCE_MS ? this.#first.key : null;
    this.#first = null;
    const pressed = first ? `${first} ${event.key}` : event.key;
    const shortcut =
      this.#list.find(({ keys }) => keys === pressed) ?? this.#list.find(({ keys }) => keys === event.key);
    if (shortcut) {
      event.preventDefault();
      shortcut.run(event);
    } else if (this.#list.some(({ keys }) => keys.startsWith(`${event.key} `))) {
      this.#first = { key: event.key, atMs: event.timeStamp };
    }
  };
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName);
}

function isCovered(): boolean {
  return document.querySelector('[role="dialog"], [role="alertdialog"], [role="menu"]') !== null;
}
