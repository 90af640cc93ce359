/** Times, sizes and lengths for people. */

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** How long ago an instant was: `now`, `12s ago`, `5m ago`, `3h ago`, `2d ago`; `in 3d` when it is still to come. */
export function relative(instant: string | null, nowMs: number): string {
  if (instant === null) return '-';
  const passedMs = nowMs - Date.parse(instant);
  if (Number.isNaN(passedMs)) return '-';
  const lengthMs = Math.abs(passedMs);
  if (lengthMs < SECOND_MS) return 'now';
  const text = coarse(lengthMs);
  return passedMs > 0 ? `${text} ago` : `in ${text}`;
}

function coarse(ms: number): string {
  if (ms < MINUTE_MS) return `${Math.floor(ms / SECOND_MS)}s`;
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)}m`;
  if (ms < 2 * DAY_MS) return `${Math.floor(ms / HOUR_MS)}h`;
  return `${Math.floor(ms / DAY_MS)}d`;
}

/** How long something took: `85ms`, `1.2s`, `2m 3s`. */
export function duration(ms: number): string {
  if (ms < SECOND_MS) return `${Math.round(ms)}ms`;
  if (ms < 59_950) return `${(ms / SECOND_MS).toFixed(1)}s`;
  const seconds = Math.round(ms / SECOND_MS);
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${seconds % 60}s`;
  return `${Math.floor(seconds / 3600)}h ${Math.floor((seconds % 3600) / 60)}m`;
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** A size in binary units: `512 B`, `1.5 GiB`. */
export function size(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** Bytes of `40GiB`, `40G`, `1.5 TB` or `512MiB`, all powers of 1024; null for what is no size. */
export function parseSize(text: string): number | null {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*([KMGT])(?:i?B)?$/i.exec(text.trim()) ?? [];
  if (number === undefined || unit === undefined) return null;
  return Math.round(Number(number) * 1024 ** ('KMGT'.indexOf(unit.toUpperCase()) + 1));
}

/** Cuts a line to what a terminal shows of it. */
export function cut(text: string, columns: number): string {
  const letters = [...text];
  return letters.length <= columns ? text : `${letters.slice(0, Math.max(0, columns - 1)).join('')}…`;
}
