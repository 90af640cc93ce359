import type { Metrics } from '@easel/kit/metrics';

/** What a signed-in connection came to. */
export type LoginKind = 'direct' | 'tunnel' | 'refused';

/** The numbers of a jump. */
export interface JumpMetrics {
  connections: { inc(): void; dec(): void };
  signedIn(): void;
  failed(): void;
  /** Turned away before the first byte: `throttle`, `full`. */
  turnedAway(reason: string): void;
  opened(kind: LoginKind): void;
}

export function createJumpMetrics(metrics: Metrics): JumpMetrics {
  const connections = metrics.gauge('easel_jump_connections', 'Open connections');
  const signIns = metrics.counter('easel_jump_sign_ins_total', 'Attempts to sign in, by outcome', ['outcome']);
  const turnedAway = metrics.counter('easel_jump_turned_away_total', 'Connections closed at once, by reason', [
    'reason',
  ]);
  const logins = metrics.counter('easel_jump_logins_total', 'What signed-in connections came to', ['kind']);
  return {
    connections: { inc: () => connections.inc(), dec: () => connections.dec() },
    signedIn: () => signIns.inc({ outcome: 'ok' }),
    failed: () => signIns.inc({ outcome: 'refused' }),
    turnedAway: (reason) => turnedAway.inc({ reason }),
    opened: (kind) => logins.inc({ kind }),
  };
}
