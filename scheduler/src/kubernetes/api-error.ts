/** What the Kubernetes API answered instead of what was asked for. */
import { z } from 'zod';

/** `metav1.Status`, as far as it is used. Source: kubernetes.io/docs/reference/kubernetes-api/common-definitions/status. */
const statusSchema = z.object({
  kind: z.literal('Status'),
  message: z.string().catch(''),
  reason: z.string().catch(''),
  details: z
    .object({ retryAfterSeconds: z.number().min(0).optional() })
    .nullish()
    .catch(null),
});

export class KubernetesError extends Error {
  /** HTTP status; 0 when no answer came, or none in time. */
  readonly status: number;
  /** Kubernetes' own word: `AlreadyExists`, `Conflict`, `Expired`, `Forbidden`, `Invalid`, `NotFound`… */
  readonly reason: string;
  /** How long the server asks us to stay away; null where it does not. */
  readonly retryAfterMs: number | null;

  constructor(fields: {
    status: number;
    reason: string;
    message: string;
    retryAfterMs?: number | null;
    cause?: unknown;
  }) {
    super(fields.message.slice(0, 2000), fields.cause === undefined ? undefined : { cause: fields.cause });
    this.name = 'KubernetesError';
    this.status = fields.status;
    this.reason = fields.reason;
    this.retryAfterMs = fields.retryAfterMs ?? null;
  }

  /** The same call may succeed later. A write may have been done all the same. */
  get isTrouble(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

/** Reads an answer that is no success. `body`: the text as it came. */
export function readError(status: number, body: string, retryAfter: string | undefined): KubernetesError {
  const seconds = retryAfter !== undefined && /^\d{1,5}$/.test(retryAfter) ? Number(retryAfter) : null;
  return fromStatus(parseJson(body), { status, retryAfterMs: seconds === null ? null : seconds * 1000 });
}

/** Reads a `Status`, as a watch also sends it for an error. */
export function fromStatus(raw: unknown, known: { status: number; retryAfterMs?: number | null }): KubernetesError {
  const parsed = statusSchema.safeParse(raw);
  const fallback = { kind: 'Status', message: '', reason: '', details: null } as const;
  const { message, reason, details } = parsed.success ? parsed.data : fallback;
  const seconds = details?.retryAfterSeconds;
  return new KubernetesError({
    status: known.status,
    reason,
    message: message || `the Kubernetes API answered ${known.status}`,
    retryAfterMs: known.retryAfterMs ?? (seconds === undefined ? null : seconds * 1000),
  });
}

export function isKubernetesError(err: unknown, ...reasons: string[]): err is KubernetesError {
  return err instanceof KubernetesError && (reasons.length === 0 || reasons.includes(err.reason));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
