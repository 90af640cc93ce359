import { expect, it } from 'vitest';
import { createMetrics } from './metrics.ts';

it('prints what was counted, with the service as a label', async () => {
  const metrics = createMetrics('tester');
  const refusals = metrics.counter('easel_refusals_total', 'Requests refused.', ['code']);
  refusals.inc({ code: 'FORBIDDEN' });
  refusals.inc({ code: 'FORBIDDEN' }, 2);
  metrics.gauge('easel_open_streams', 'Streams open now.').set(7);
  metrics.histogram('easel_start_seconds', 'Time to start.').observe(0.3);
  const text = await metrics.text();
  expect(text).toContain('easel_refusals_total{code="FORBIDDEN",service="tester"} 3');
  expect(text).toContain('easel_open_streams{service="tester"} 7');
  expect(text).toContain('easel_start_seconds_bucket{le="0.5",service="tester"} 1');
});

it('gives the same metric for the same name', async () => {
  const metrics = createMetrics('tester');
  metrics.counter('easel_turns_total', 'Turns.').inc();
  metrics.counter('easel_turns_total', 'Turns.').inc();
  expect(await metrics.text()).toContain('easel_turns_total{service="tester"} 2');
});

it('keeps two services apart', async () => {
  createMetrics('one').counter('easel_turns_total', 'Turns.').inc();
  expect(await createMetrics('two').text()).not.toContain('easel_turns_total');
});
