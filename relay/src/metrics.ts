import type { Metrics } from '@easel/kit/metrics';
import type { LegName, Traffic } from './pair.ts';

/** The numbers of a relay. Hot paths only add to `traffic`; `collect` turns it into counters. */
export interface RelayMetrics {
  readonly traffic: Traffic;
  /** `outcome`: ok, gone (the client left), or the code of the refusal. */
  opened(outcome: string, durationMs: number): void;
  /** Refused before the worker was asked. */
  refused(code: string): void;
  protocolError(leg: LegName): void;
  collect(now: { streams: number; openings: number; workers: number }): void;
}

export function createRelayMetrics(metrics: Metrics): RelayMetrics {
  const traffic: Traffic = { clientBytes: 0, workerBytes: 0 };
  const bytes = metrics.counter('easel_relay_bytes_total', 'Bytes received, by leg', ['leg']);
  const opens = metrics.histogram('easel_relay_open_seconds', 'From the request to the answer', ['outcome']);
  const refusals = metrics.counter('easel_relay_refusals_total', 'Refused before the worker was asked', ['code']);
  const errors = metrics.counter('easel_relay_protocol_errors_total', 'Streams closed with 1002 or 1009', ['leg']);
  const streams = metrics.gauge('easel_relay_streams', 'Open streams');
  const openings = metrics.gauge('easel_relay_openings', 'Streams that wait for the worker');
  const workers = metrics.gauge('easel_relay_workers', 'Workers that wait for streams');
  return {
    traffic,
    opened: (outcome, durationMs) => opens.observe({ outcome }, durationMs / 1000),
    refused: (code) => refusals.inc({ code }),
    protocolError: (leg) => errors.inc({ leg }),
    collect(now) {
      bytes.inc({ leg: 'client' }, traffic.clientBytes);
      bytes.inc({ leg: 'worker' }, traffic.workerBytes);
      traffic.clientBytes = 0;
      traffic.workerBytes = 0;
      streams.set(now.streams);
      openings.set(now.openings);
      workers.set(now.workers);
    },
  };
}
