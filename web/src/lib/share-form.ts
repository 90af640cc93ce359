/** The dialog that shares an environment, as data: what its fields mean, and what is wrong with them. Pure. */
import type { ShareAccess } from '@easel/schema/share';
import { texts } from '#lib/texts.ts';

const HOUR_MS = 3_600_000;
/** How long, as it is offered; `own` names the moment, `open` has no end. */
export const SHARE_LENGTHS = {
  hour: HOUR_MS,
  day: 24 * HOUR_MS,
  week: 7 * 24 * HOUR_MS,
  own: null,
  open: null,
} as const;
export type ShareLength = keyof typeof SHARE_LENGTHS;

export interface ShareForm {
  kind: 'user' | 'group';
  guest: string;
  access: ShareAccess;
  /** Ports with anything between them; empty is all. */
  ports: string;
  length: ShareLength;
  /** Of the length `own`: what a field of type `datetime-local` gives, in the person's own time. */
  until: string;
  note: string;
}

export const EMPTY_SHARE: ShareForm = {
  kind: 'user',
  guest: '',
  access: 'view',
  ports: '',
  length: 'day',
  until: '',
  note: '',
};

export type ShareProblems = Partial<Record<'guest' | 'ports' | 'until', string>>;

export interface ShareInput {
  environment: string;
  user: string | null;
  group: string | null;
  access: ShareAccess;
  ports: number[];
  expiresAt: string | null;
  note: string | null;
}

/** What is to be sent, or which fields are to be put right first. */
export function readShareForm(
  form: ShareForm,
  about: { environment: string; nowMs: number },
): { input: ShareInput } | { problems: ShareProblems } {
  const t = texts.sharing.problems;
  const problems: ShareProblems = {};
  const guest = form.guest.trim();
  if (guest === '') problems.guest = form.kind === 'user' ? t.noUser : t.noGroup;
  const ports = form.access === 'ports' ? readPorts(form.ports) : [];
  if (ports === null) problems.ports = t.ports;
  const expiresAt = endOf(form, about.nowMs);
  if (expiresAt === undefined) problems.until = t.until;
  if (ports === null || expiresAt === undefined || guest === '') return { problems };
  return {
    input: {
      environment: about.environment,
      user: form.kind === 'user' ? guest : null,
      group: form.kind === 'group' ? guest : null,
      access: form.access,
      ports,
      expiresAt: expiresAt?.toISOString() ?? null,
      note: form.note.trim() || null,
    },
  };
}

/** Null for what is no list of ports. */
export function readPorts(text: string): number[] | null {
  const words = text.split(/[\s,;]+/).filter(Boolean);
  const ports = words.map(Number);
  const isFine = words.every((word) => /^\d{1,5}$/.test(word)) && ports.every((port) => port >= 1 && port <= 65_535);
  return isFine ? ports : null;
}

/** Null has no end; undefined is no moment to come. */
function endOf({ length, until }: ShareForm, nowMs: number): Date | null | undefined {
  if (length === 'open') return null;
  const lengthMs = SHARE_LENGTHS[length];
  if (lengthMs !== null) return new Date(nowMs + lengthMs);
  const moment = new Date(until);
  return moment.getTime() > nowMs + 60_000 ? moment : undefined;
}
