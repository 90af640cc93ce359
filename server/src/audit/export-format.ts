/** How an export is written: JSON lines, which can be verified, or CSV (RFC 4180) for spreadsheets. */
import type { Exported } from './export.ts';
import type { AuditFilter } from './filter.ts';

export interface ExportFormat {
  contentType: string;
  head(about: { at: Date; filter: AuditFilter }): string;
  line(entry: Exported): string;
  /** A file without it was cut off. */
  end(entries: number): string;
}

export type FormatName = keyof typeof FORMATS;

const COLUMNS = [
  'number',
  'at',
  'actorKind',
  'actorLogin',
  'actorId',
  'credentialId',
  'address',
  'action',
  'thingName',
  'thingId',
  'outcome',
  'details',
  'requestId',
  'id',
  'previousHash',
  'hash',
] as const satisfies readonly (keyof Exported)[];

const json = (value: unknown) => `${JSON.stringify(value)}\n`;

export const FORMATS = {
  jsonl: {
    contentType: 'application/x-ndjson; charset=utf-8',
    head({ at, filter }) {
      const named = Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== null));
      const isFiltered = Object.keys(named).length > 0;
      return json({ version: 1, export: { at: at.toISOString(), isFiltered, filter: named } });
    },
    line: json,
    end: (entries) => json({ end: { entries } }),
  },
  csv: {
    contentType: 'text/csv; charset=utf-8',
    head: () => row(COLUMNS),
    line: (entry) => row(COLUMNS.map((column) => entry[column])),
    end: () => '',
  },
} as const satisfies Record<string, ExportFormat>;

function row(values: readonly unknown[]): string {
  return `${values.map(cell).join(',')}\r\n`;
}

/**
 * What a spreadsheet would take for a formula gets an apostrophe before it. Source: OWASP, "CSV Injection": `=`, `+`, `-`,
 * `@`, tab and line ends, also their full-width forms, and behind blanks.
 */
const FORMULA = /^[\s\p{Cf}]*[=+\-@\t\r\n|%\uff1d\uff0b\uff0d\uff20]/u;

function cell(value: unknown): string {
  const plain = typeof value === 'string' ? value : value === null ? '' : JSON.stringify(value);
  const text = typeof value === 'string' && FORMULA.test(plain) ? `'${plain}` : plain;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
