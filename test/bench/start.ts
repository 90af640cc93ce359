/**
 * What a person waits for: `npm start` with data that is there, Create to running in each runtime, and how late the page of
 * an environment shows a phase after it was stored. No peer: the goals are times. The whole product runs, so its parts share
 * the machine with Chromium and with each other, as they do for a person.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { openBrowser, type ShownPhase, type TestBrowser, watchPhases } from '../kit/browser.ts';
import { type Stack, startStack } from '../kit/stack.ts';
import { type Bench, type BenchContext, measurement, median, percentile } from './harness.ts';

const runtimes = { process: { goalMs: 5_000 }, docker: { goalMs: 8_000 } } as const;
type Runtime = keyof typeof runtimes;

export const bench: Bench = {
  title: 'npm start, Create to running, and when the page shows it',
  async run(ctx) {
    for (const runtime of Object.keys(runtimes) as Runtime[]) {
      if (ctx.wants(runtime) || ctx.wants('npm start') || ctx.wants('phase')) await measure(ctx, runtime);
    }
  },
};

async function measure(ctx: BenchContext, runtime: Runtime): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'easel-bench-'));
  try {
    // The first start makes the database and the sample.
    await (await startStack({ runtime, dataDir })).stop();
    const beganMs = performance.now();
    const stack = await startStack({ runtime, dataDir });
    const startedMs = performance.now() - beganMs;
    try {
      const goal = { atMost: 10_000 };
      ctx.report(measurement({ row: `second npm start, ${runtime}`, ours: startedMs, unit: 'ms', goal }));
      await environments(ctx, stack, runtime);
    } finally {
      await stack.stop();
    }
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function environments(ctx: BenchContext, stack: Stack, runtime: Runtime): Promise<void> {
  const browser = await openBrowser(stack);
  const created: number[] = [];
  const delays: number[] = [];
  try {
    // One more comes first and is dropped: the server and the page have compiled their code then.
    for (let round = 0; round <= ctx.rounds; round++) {
      const name = `bench-${round}`;
      await stack.easelJson(['create', name, '--template', 'sample', '--wait']);
      const events = await eventsOf(stack, name);
      const late = await restartInPage(stack, browser, name);
      if (round > 0) {
        created.push(between(events, 'queued', 'running'));
        delays.push(...late);
      }
      await stack.easelJson(['delete', name, '--force', '--wait']);
    }
  } finally {
    await browser.close();
  }
  const goal = { atMost: runtimes[runtime].goalMs };
  ctx.report(measurement({ row: `Create to running, ${runtime}`, ours: median(created), unit: 'ms', goal }));
  const row = `phase shown after it was stored, ${runtime}`;
  ctx.report(measurement({ row: `${row}, p50`, ours: median(delays), unit: 'ms', goal: { atMost: 300 } }));
  ctx.report(measurement({ row: `${row}, slowest`, ours: percentile(delays, 1), unit: 'ms', goal: { atMost: 300 } }));
}

/** Stops and starts the environment by the buttons of its page. Gives how late each phase was shown, in milliseconds. */
async function restartInPage(stack: Stack, browser: TestBrowser, name: string): Promise<number[]> {
  const page = await browser.open('/');
  await page.getByRole('link', { name, exact: true }).click();
  await shows(page, 'running');
  const seen = await watchPhases(page);
  const sinceMs = Date.now();
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  await shows(page, 'stopped');
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await shows(page, 'running');
  const shown = await seen();
  const events = (await eventsOf(stack, name)).filter(({ atMs }) => atMs >= sinceMs);
  await page.context().close();
  return events.flatMap((event, at) => lateness(event, events[at + 1], shown));
}

/** A phase that the next one has overtaken before a page could show it is not late. */
function lateness(event: PhaseEvent, next: PhaseEvent | undefined, shown: readonly ShownPhase[]): number[] {
  const moment = shown.find(({ phase, atMs }) => phase === event.phase && atMs >= event.atMs);
  if (moment) return [moment.atMs - event.atMs];
  return next && next.atMs - event.atMs < 100 ? [] : [Number.POSITIVE_INFINITY];
}

function shows(page: Page, phase: string): Promise<void> {
  return page.locator(`main header [data-phase="${phase}"]`).waitFor({ timeout: 60_000 });
}

interface PhaseEvent {
  phase: string;
  atMs: number;
}

async function eventsOf(stack: Stack, name: string): Promise<PhaseEvent[]> {
  const { environment } = await stack.api.query<{
    environment: { events: { edges: { node: { to: string; at: string } }[] } };
  }>('query ($name: String) { environment(name: $name) { events(first: 50) { edges { node { to at } } } } }', { name });
  return environment.events.edges.map(({ node }) => ({ phase: node.to, atMs: Date.parse(node.at) }));
}

function between(events: readonly PhaseEvent[], from: string, to: string): number {
  const at = (phase: string) => events.find((event) => event.phase === phase)?.atMs ?? Number.NaN;
  return at(to) - at(from);
}
