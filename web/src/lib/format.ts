/** Numbers, sizes, times and lengths of time as people read them. All by Intl, in the language of the texts. */
export const LOCALE = 'en';

const relative = new Intl.RelativeTimeFormat(LOCALE, { numeric: 'auto', style: 'long' });
const dateTime = new Intl.DateTimeFormat(LOCALE, { dateStyle: 'medium', timeStyle: 'medium' });
const date = new Intl.DateTimeFormat(LOCALE, { dateStyle: 'medium' });
const clock = new Intl.DateTimeFormat(LOCALE, { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false });
const percent = new Intl.NumberFormat(LOCALE, { style: 'percent', maximumFractionDigits: 0 });
const count = new Intl.NumberFormat(LOCALE);
const plurals = new Intl.PluralRules(LOCALE);

const BYTE_UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte', 'petabyte'] as const;

/** `1.5 GB`: powers of 1024 with the short names, three significant digits at most. */
export function formatBytes(bytes: number): string {
  const exponent =
    bytes < 1 ? 0 : Math.min(BYTE_UNITS.length - 1, Math.floor(Math.log2(Math.max(1, bytes) * 1.0005) / 10));
  const value = bytes / 1024 ** exponent;
  return new Intl.NumberFormat(LOCALE, {
    style: 'unit',
    unit: BYTE_UNITS[exponent] ?? 'byte',
    unitDisplay: exponent === 0 ? 'long' : 'short',
    maximumFractionDigits: value < 10 && exponent > 0 ? 1 : 0,
  }).format(value);
}

/** Length of time: `840 ms`, `4.2 s`, `3 min 5 s`, `2 h 4 min`, `3 d 4 h`. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 1) return unit(Math.round(seconds * 1000), 'millisecond', 0);
  if (seconds < 10) return unit(seconds, 'second', 1);
  if (seconds < 59.5) return unit(Math.round(seconds), 'second', 0);
  if (seconds < 3600) return pair(Math.round(seconds), 60, 'minute', 'second');
  if (seconds < 86_400) return pair(Math.round(seconds / 60), 60, 'hour', 'minute');
  return pair(Math.round(seconds / 3600), 24, 'day', 'hour');
}

function pair(total: number, base: number, large: string, small: string): string {
  const rest = total % base;
  const head = unit(Math.floor(total / base), large, 0);
  return rest === 0 ? head : `${head} ${unit(rest, small, 0)}`;
}

function unit(value: number, name: string, digits: number): string {
  return new Intl.NumberFormat(LOCALE, {
    style: 'unit',
    unit: name,
    unitDisplay: 'short',
    maximumFractionDigits: digits,
  }).format(value);
}

const STEPS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_557_600],
  ['month', 2_629_800],
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
];

/** `just now`, `3 minutes ago`, `in 2 days`. */
export function formatAgo(instant: string | number | Date, nowMs: number): string {
  const seconds = (new Date(instant).getTime() - nowMs) / 1000;
  for (const [name, size] of STEPS) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), name);
  }
  return Math.abs(seconds) < 45 ? 'just now' : relative.format(Math.sign(seconds), 'minute');
}

export const formatDateTime = (instant: string | number | Date): string => dateTime.format(new Date(instant));
export const formatDate = (instant: string | number | Date): string => date.format(new Date(instant));
export const formatClock = (instant: string | number | Date): string => clock.format(new Date(instant));
export const formatPercent = (share: number): string => percent.format(share);
export const formatCount = (value: number): string => count.format(value);

/** `1 commit`, `3 commits`. */
export function formatPlural(value: number, one: string, other: string): string {
  return `${count.format(value)} ${plurals.select(value) === 'one' ? one : other}`;
}

/** Share of one core: `0.4 cores`, `1 core`. */
export function formatCpus(cpus: number): string {
  const rounded = cpus < 10 ? Math.round(cpus * 100) / 100 : Math.round(cpus);
  return `${new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 2 }).format(rounded)} ${rounded === 1 ? 'core' : 'cores'}`;
}

/** A phrase as a sentence: a capital at its beginning, a full stop at its end. */
export const sentence = (phrase: string): string =>
  `${phrase.slice(0, 1).toUpperCase()}${phrase.slice(1)}${/[.!?)]$/.test(phrase) ? '' : '.'}`;
