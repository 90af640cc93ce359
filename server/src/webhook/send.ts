/** One try to deliver: signed, by the one way out, and with little of the answer kept. Never throws for what the receiver does. */
import type { Clock } from '@easel/kit/clock';
import type { Webhook } from '../generated/prisma/client.ts';
import type { Outbound } from '../outbound/outbound.ts';
import type { Tried } from '../outbox/outbox.ts';
import type { ServerKey } from '../server-key.ts';
import { signedHeaders } from './signature.ts';
import type { ClaimedDelivery, LastTry } from './webhook.store.ts';

const ANSWER_LIMIT_MS = 10_000;
/** Longer than a try takes: then it may be taken by another replica. */
export const LEASE_MS = 3 * ANSWER_LIMIT_MS;
/** Enough for a sentence that says what is wrong. */
const MAX_ANSWER_BYTES = 1_000;
const MAX_PROBLEM_LENGTH = 300;
/** Nobody is there any more: the convention's way to say that nothing more is wanted. */
const GONE = 410;

export type WebhookTried = Tried & { status: number | null; body: string | null; isGone?: boolean };

export interface SendParts {
  outbound: Pick<Outbound, 'send'>;
  key: ServerKey;
  clock: Clock;
}

export async function sendDelivery(parts: SendParts, { id, body, webhook }: ClaimedDelivery): Promise<WebhookTried> {
  const at = new Date(parts.clock.now());
  try {
    const answered = await parts.outbound.send({
      url: new URL(webhook.url),
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'user-agent': 'Easel-Webhook/1',
        ...signedHeaders({ id, at, body }, secretsOf(webhook, parts.key, at)),
      },
      body,
      needsTls: true,
      timeoutMs: ANSWER_LIMIT_MS,
      maxAnswerBytes: MAX_ANSWER_BYTES,
    });
    const { status } = answered;
    const kept = { status, body: plain(answered.body.toString('utf8')) };
    if (status >= 200 && status < 300) return { isAccepted: true, answer: `answered ${status}`, ...kept };
    const isGone = status === GONE;
    const why = status >= 300 && status < 400 ? ' and points elsewhere: that is not followed' : '';
    return { isAccepted: false, answer: `answered ${status}${why}`, isFinal: isGone, isGone, ...kept };
  } catch (err) {
    const problem =
      err instanceof Error && err.message !== '' ? err.message : String((err as { code?: unknown })?.code);
    const answer = plain(problem).slice(0, MAX_PROBLEM_LENGTH);
    return { isAccepted: false, answer, isFinal: false, status: null, body: null };
  }
}

/** The present secret, and the one before while both are good. */
function secretsOf(webhook: Webhook, key: ServerKey, now: Date): string[] {
  const { id, secret, oldSecret, oldSecretUntil } = webhook;
  const isOldGood = oldSecret !== null && oldSecretUntil !== null && oldSecretUntil > now;
  return [secret, ...(isOldGood ? [oldSecret] : [])].map((sealed) => key.open(sealed, secretPurpose(id)));
}

export function secretPurpose(id: string): string {
  return `webhooks.secret ${id}`;
}

/** As it is kept. */
export function lastTry(result: WebhookTried): LastTry {
  return { status: result.status, answer: result.body, problem: result.isAccepted ? null : result.answer };
}

/** Without what neither the database nor a terminal takes. */
function plain(text: string): string {
  return text.replace(/\p{Cc}/gu, ' ').trim();
}
