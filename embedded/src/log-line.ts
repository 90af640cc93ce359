/** Turns the log lines of processes, JSON of ours and PostgreSQL's own, into short lines for a person. */

/** Fields that say what everybody sees anyway. */
const leftOut = new Set(['level', 'time', 'service', 'message', 'pid', 'hostname', 'err']);
/** A field's value is cut to this many characters: the whole line lies in the log file. */
const maxValueLength = 80;
const ranks: Readonly<Record<string, number>> = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60 };

export interface ShownLine {
  rank: number;
  text: string;
}

/** As `log_line_prefix` in postgres.ts makes it. Source: PostgreSQL, "Error Reporting and Logging". */
const postgresLine = /^[\d-]+ [\d:.]+ UTC \[\d+\] ([A-Z]+): +(.*)$/;
/** Told to clients while PostgreSQL starts and stops: our processes dial again. */
const passing = /is (starting up|shutting down|not yet accepting)|due to administrator command/;

/** The line as a person reads it. What is not a JSON log line is shown as it came, as a warning: something printed it by itself. */
export function humanLine(line: string): ShownLine {
  const fields = parse(line);
  if (!fields) return postgres(line) ?? { rank: 40, text: line };
  const level = String(fields.level);
  const rank = ranks[level] ?? 30;
  const parts = [String(fields.message)];
  for (const [name, value] of Object.entries(fields)) {
    if (!leftOut.has(name) && value !== null) parts.push(`${name}=${short(value)}`);
  }
  const problem = problemOf(fields.err);
  return { rank, text: `${rank >= 40 ? `${level}: ` : ''}${parts.join(' ')}${problem ? ` (${problem})` : ''}` };
}

function postgres(line: string): ShownLine | null {
  // The second and later lines of one message.
  if (line.startsWith('\t')) return { rank: 20, text: line.trim() };
  const [, level = '', text = ''] = postgresLine.exec(line) ?? [];
  if (!level) return null;
  if (level === 'PANIC') return { rank: 60, text: `${level}: ${text}` };
  const isTrouble = ['WARNING', 'ERROR', 'FATAL'].includes(level) && !passing.test(text);
  return isTrouble ? { rank: 40, text: `${level.toLowerCase()}: ${text}` } : { rank: 20, text };
}

function parse(line: string): Record<string, unknown> | null {
  if (!line.startsWith('{')) return null;
  try {
    const value = JSON.parse(line) as Record<string, unknown>;
    return typeof value.message === 'string' ? value : null;
  } catch {
    return null;
  }
}

function short(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > maxValueLength ? `${text.slice(0, maxValueLength)}…` : text;
}

function problemOf(err: unknown): string | null {
  const { message, code } = (err ?? {}) as { message?: unknown; code?: unknown };
  if (typeof message !== 'string') return null;
  const first = message.split('\n', 1)[0] ?? '';
  return typeof code === 'string' && !first.includes(code) ? `${code}: ${first}` : first;
}
