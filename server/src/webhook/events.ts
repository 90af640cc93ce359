/**
 * What webhooks are told of: one closed table. Each is sent by whoever changes the thing, in that change's transaction. What is
 * said are ids, names and states: whoever wants more asks the API for it, with rights of his own.
 */

/** Each with what has happened. */
export const WEBHOOK_EVENTS = {
  'environment.created': 'somebody has created an environment',
  'environment.started': 'an environment runs and can be entered',
  'environment.stopped': 'an environment has stopped',
  'environment.failed': 'an environment cannot go on',
  'environment.deleted': 'an environment is gone, with its disk',
  'snapshot.ready': 'a snapshot is complete and can be restored',
  'snapshot.failed': 'a snapshot could not be taken',
  'user.invited': 'somebody was invited',
  'user.created': 'there is a new user, or service account',
  'user.disabled': 'a user can no longer come in',
} as const;

export type WebhookEvent = keyof typeof WEBHOOK_EVENTS;
export const WEBHOOK_EVENT_NAMES = Object.keys(WEBHOOK_EVENTS) as [WebhookEvent, ...WebhookEvent[]];

/** Sent when an editor tries a webhook out, whatever events it has. */
export const PING = 'webhook.ping';

interface Named {
  id: string;
  name: string;
}

/** A person or a service account. */
interface Who {
  id: string;
  login: string;
}

export interface EnvironmentData {
  environment: Named & { phase: string; owner: Who; template: Named | null; platform: Named };
}
export interface SnapshotData {
  snapshot: Named & { state: string; environment: Named };
}

interface DataOf {
  'environment.created': EnvironmentData;
  'environment.started': EnvironmentData;
  'environment.stopped': EnvironmentData;
  'environment.failed': EnvironmentData;
  'environment.deleted': EnvironmentData;
  'snapshot.ready': SnapshotData;
  'snapshot.failed': SnapshotData;
  'user.invited': { invitation: Named; by: Who };
  'user.created': { user: Who & { kind: string } };
  'user.disabled': { user: Who };
}

export type Happened = {
  [E in WebhookEvent]: {
    type: E;
    at: Date;
    data: DataOf[E];
    /** The same key is told once to each webhook. */
    key?: string;
  };
}[WebhookEvent];

/** What is sent, as text: it is signed as it is. Its shape is that of the convention. */
export function bodyOf({ type, at, data }: { type: string; at: Date; data: object }): string {
  return JSON.stringify({ type, timestamp: at.toISOString(), data });
}
