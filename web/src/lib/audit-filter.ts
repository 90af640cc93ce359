/** What the page of the audit log looks for, as the API and the export take it. Empty texts filter nothing. */
export interface AuditSearch {
  actor: string;
  action: string;
  thing: string;
  outcome: string;
  /** Days of the reader's own clock, like `2026-11-24`; the last one counts. */
  from: string;
  to: string;
}

export type AuditFilter = Record<'actor' | 'action' | 'thing' | 'outcome' | 'from' | 'to', string | null>;

export function searchOf(query: Pick<URLSearchParams, 'get'>): AuditSearch {
  const text = (name: string) => query.get(name)?.slice(0, 200) ?? '';
  const [actor, action, thing, outcome] = ['actor', 'action', 'thing', 'outcome'].map(text) as [
    string,
    string,
    string,
    string,
  ];
  return { actor, action, thing, outcome, from: '', to: '' };
}

export function filterOf({ actor, action, thing, outcome, from, to }: AuditSearch): AuditFilter {
  const text = (value: string) => value.trim() || null;
  return {
    actor: text(actor),
    action: text(action),
    thing: text(thing),
    outcome: text(outcome),
    from: dayBegin(from, 0),
    to: dayBegin(to, 1),
  };
}

/** Where the whole log that fits is to be had as a file. */
export function exportPath(format: 'csv' | 'jsonl', filter: AuditFilter): string {
  const given = Object.entries(filter).filter((entry): entry is [string, string] => entry[1] !== null);
  return `/audit/export?${new URLSearchParams([['format', format], ...given])}`;
}

/** So many days after this one began; null for what is no day. */
function dayBegin(day: string, days: number): string | null {
  const [year, month, date] = (/^(\d{4})-(\d\d)-(\d\d)$/.exec(day) ?? []).slice(1).map(Number);
  if (year === undefined || month === undefined || date === undefined) return null;
  return new Date(year, month - 1, date + days).toISOString();
}
