/** What an error of the Kubernetes API means for an environment: tried again, waited for, or the end of it. */
import type { FailureClass } from '@easel/schema/failure';
import { PlatformBusy, PlatformRefusal } from '../refusal.ts';
import { KubernetesError } from './api-error.ts';
import { sentence } from './pending-reason.ts';
import { readQuantity } from './quantity.ts';

/** Gives the error to throw when `what` could not be made. */
export function explainCreate(err: unknown, what: 'pod' | 'volume' | 'secret' | 'snapshot'): unknown {
  if (!(err instanceof KubernetesError) || err.isTrouble || err.status === 401 || err.reason === 'Conflict') return err;
  const failureClass: FailureClass = what === 'volume' || what === 'snapshot' ? 'volume' : 'platform';
  if (/exceeded quota/.test(err.message)) {
    if (fitsSomeTime(err.message)) {
      return new PlatformBusy(sentence(`The quota of the namespace is used up: ${quotaOf(err.message)}`), {
        cause: err,
      });
    }
    const message = sentence(`The quota of the namespace is smaller than this environment: ${quotaOf(err.message)}`);
    return new PlatformRefusal('platform', message, {
      cause: err,
      advice: 'Choose a smaller instance type, or ask an administrator to raise the quota; then retry.',
    });
  }
  return new PlatformRefusal(failureClass, sentence(`The cluster refused the ${what}: ${err.message}`), { cause: err });
}

/** `exceeded quota: small, requested: limits.memory=2Gi, used: limits.memory=9Gi, limited: limits.memory=10Gi` */
function fitsSomeTime(message: string): boolean {
  const requested = amounts(/requested: ([^:]*?)(?:, used:|$)/.exec(message)?.[1]);
  const limited = amounts(/limited: (.*)$/.exec(message)?.[1]);
  return [...requested].every(([name, amount]) => amount <= (limited.get(name) ?? Number.POSITIVE_INFINITY));
}

function amounts(list: string | undefined): Map<string, number> {
  const pairs = (list ?? '').split(',').map((pair) => pair.trim().split('='));
  return new Map(
    pairs.flatMap(([name, value]) => {
      const amount = value === undefined ? null : readQuantity(value);
      return name && amount !== null ? [[name, amount] as const] : [];
    }),
  );
}

function quotaOf(message: string): string {
  return /exceeded quota: (.*)$/s.exec(message)?.[1] ?? message;
}
