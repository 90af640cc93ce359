/** One clock for the whole page: it ticks each second while somebody reads it. */
import { createSubscriber } from 'svelte/reactivity';

const subscribe = createSubscriber((update) => {
  const timer = setInterval(update, 1000);
  return () => clearInterval(timer);
});

/** Milliseconds since the epoch. Read inside an effect or a template it updates each second. */
export function now(): number {
  subscribe();
  return Date.now();
}
