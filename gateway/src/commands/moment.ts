/** Times as people type them: how long, like `8h`, and when, like `2026-11-24`. */
import { badUsage } from '../failure.ts';

const HOUR_MS = 3_600_000;
const UNIT_MS: Record<string, number> = { m: HOUR_MS / 60, h: HOUR_MS, d: 24 * HOUR_MS, w: 7 * 24 * HOUR_MS };

/** Milliseconds of `30m`, `8h`, `1d` or `2w`; null for what is no length. */
export function parseLength(text: string): number | null {
  const [, count, unit = ''] = /^(\d{1,5})([mhdw])$/.exec(text) ?? [];
  const unitMs = UNIT_MS[unit];
  return count === undefined || unitMs === undefined ? null : Number(count) * unitMs;
}

/** The same in a command's option. Throws INVALID_INPUT. */
export function lengthOf(text: string, option: string): number {
  const lengthMs = parseLength(text);
  if (lengthMs === null) throw badUsage(`${option} takes a time like 30m, 8h, 1d or 2w`);
  return lengthMs;
}

/** An instant as the API takes it, of a day (in UTC) or a moment. Throws INVALID_INPUT. */
export function momentOf(text: string, option: string): string {
  const at = /^\d{4}-\d\d-\d\d/.test(text) ? new Date(text) : null;
  if (!at || Number.isNaN(at.getTime()))
    throw badUsage(
      `${option} takes a day or a moment like 2026-11-24 or 2026-11-24T10:00Z, not ${JSON.stringify(text)}`,
    );
  return at.toISOString();
}

/** The same, or how long from now. Throws INVALID_INPUT. */
export function endOf(text: string, option: string, nowMs: number): string {
  const lengthMs = parseLength(text);
  if (lengthMs !== null) return new Date(nowMs + lengthMs).toISOString();
  if (/^\d{4}-/.test(text)) return momentOf(text, option);
  throw badUsage(`${option} takes a time like 90d, or a day like 2027-01-01`);
}
