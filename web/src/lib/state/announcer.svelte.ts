/** What a screen reader is told without moving the focus: changes of phase, connection, results. Read by LiveRegion.svelte. */
import { untrack } from 'svelte';

class Announcer {
  #lines = $state.raw<readonly { id: number; text: string }[]>([]);
  #count = 0;

  get lines(): readonly { id: number; text: string }[] {
    return this.#lines;
  }

  say(text: string): void {
    this.#count += 1;
    this.#lines = [...untrack(() => this.#lines), { id: this.#count, text }].slice(-5);
  }
}

export const announcer = new Announcer();
