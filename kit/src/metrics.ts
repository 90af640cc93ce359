import {
  collectDefaultMetrics,
  Counter as PromCounter,
  Gauge as PromGauge,
  Histogram as PromHistogram,
  Registry,
} from 'prom-client';

type Labels = Record<string, string | number>;

export interface Counter {
  inc(value?: number): void;
  inc(labels: Labels, value?: number): void;
}

export interface Gauge {
  set(value: number): void;
  set(labels: Labels, value: number): void;
  inc(value?: number): void;
  inc(labels: Labels, value?: number): void;
  dec(value?: number): void;
  dec(labels: Labels, value?: number): void;
}

export interface Histogram {
  observe(value: number): void;
  observe(labels: Labels, value: number): void;
}

/**
 * The numbers of one process, in Prometheus' words: `easel_<what>_<unit>`, counters end in `_total`, durations are in
 * seconds. Asking twice for one name gives the same metric. Labels are closed sets (codes, phases), never ids.
 */
export interface Metrics {
  counter(name: string, help: string, labels?: readonly string[]): Counter;
  gauge(name: string, help: string, labels?: readonly string[]): Gauge;
  histogram(name: string, help: string, labels?: readonly string[], buckets?: readonly number[]): Histogram;
  /** The Prometheus text format, version 0.0.4. */
  text(): Promise<string>;
}

/** Seconds: from one database round trip to the start of a cold environment. */
const defaultBuckets = [0.005, 0.02, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 180, 600];

/** Creates the metrics of `service`; with `process` also those of Node.js (memory, event loop, handles). */
export function createMetrics(service: string, options: { process?: boolean } = {}): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  if (options.process) collectDefaultMetrics({ register: registry });
  const known = <M>(name: string) => registry.getSingleMetric(name) as M | undefined;
  const common = { registers: [registry] };
  return {
    counter: (name, help, labels = []) =>
      known<Counter>(name) ?? new PromCounter({ ...common, name, help, labelNames: [...labels] }),
    gauge: (name, help, labels = []) =>
      known<Gauge>(name) ?? new PromGauge({ ...common, name, help, labelNames: [...labels] }),
    histogram: (name, help, labels = [], buckets = defaultBuckets) =>
      known<Histogram>(name) ??
      new PromHistogram({ ...common, name, help, labelNames: [...labels], buckets: [...buckets] }),
    text: () => registry.metrics(),
  };
}
