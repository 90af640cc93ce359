/** The state of one environment's page: the environment with all that only this page shows, live. */
import { listen } from '#lib/api/live.svelte.ts';
import { type EnvironmentDetail, environmentChanged } from '#lib/operations/environments.ts';
import type { App } from '#lib/state/app.svelte.ts';

export class EnvironmentPage {
  #detail = $state.raw<EnvironmentDetail | null>(null);
  #problem = $state.raw<string | null>(null);
  #isOver = false;

  /** Must be called while a component initialises. Another id starts afresh. */
  constructor(app: App, id: () => string) {
    let shown = '';
    listen(app.api, environmentChanged, {
      variables: () => {
        if (shown !== id()) {
          this.#detail = null;
          this.#problem = null;
        }
        shown = id();
        this.#isOver = false;
        return { id: id() };
      },
      onData: ({ environmentChanged: next }) => {
        if (this.#isOver) return;
        this.#problem = null;
        const isOlder = this.#detail?.id === next.id && this.#detail.version > next.version;
        if (!isOlder) this.#detail = next;
        // The list is of the viewer's own.
        if (next.owner.id === app.viewer?.id) app.environments.put(next);
      },
      onProblem: (problem) => {
        this.#problem = problem.message;
        if (!this.#detail?.myShare || problem.isNetwork) return;
        // What was shared is shared no longer: nothing of it stays on show, nor comes back with the answer that says so.
        this.#detail = null;
        this.#isOver = true;
      },
    });
  }

  get detail(): EnvironmentDetail | null {
    return this.#detail;
  }

  /** Why there is nothing to show. */
  get problem(): string | null {
    return this.#detail === null ? this.#problem : null;
  }
}
