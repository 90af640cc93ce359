/**
 * A real browser on a stack: Chromium driven by playwright-core. It signs in with the stack's one-time link, once; every
 * page opened later has that session. What the page complains about (errors in its console, exceptions, failed requests) is
 * kept in `complaints`, so that a test can say that there were none.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import type { Stack } from './stack.ts';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Quiet, without a sandbox since tests may run as root, and without calls to anybody else's servers. */
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export const DESKTOP = { width: 1280, height: 860 };
export const PHONE = { width: 390, height: 844 };

/** WCAG 2.0 to 2.2, levels A and AA. */
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa'];

/** Chromium drops what is on its way when any network interface of the machine comes or goes, as Docker's do. */
const NOT_OURS = /net::ERR_NETWORK_CHANGED/;

export interface TestBrowser {
  readonly complaints: string[];
  /** A page of a browser window of its own. Without `isSignedIn: false` it has the session. */
  open(path: string, options?: BrowserContextOptions & { isSignedIn?: boolean }): Promise<Page>;
  /** Goes there, again when the machine's network changed on the way. */
  go(page: Page, path: string): Promise<void>;
  /** Takes over the session of a page that has signed in by itself. */
  adopt(page: Page): Promise<void>;
  close(): Promise<void>;
}

export async function openBrowser(stack: Stack): Promise<TestBrowser> {
  const executablePath = execFileSync('which', ['chromium'], { encoding: 'utf8' }).trim();
  const browser = await chromium.launch({ executablePath, args: flags });
  const complaints: string[] = [];
  let session: { name: string; value: string; url: string }[] | null = null;

  async function newPage(options: BrowserContextOptions): Promise<Page> {
    const context = await browser.newContext({ baseURL: stack.url, viewport: DESKTOP, ...options });
    context.setDefaultTimeout(45_000);
    const page = await context.newPage();
    page.on('console', (message) => {
      if (message.type() === 'error' && !NOT_OURS.test(message.text()))
        complaints.push(`${page.url()}: ${message.text()}`);
    });
    page.on('pageerror', (err) => complaints.push(`${page.url()}: ${err.stack ?? err.message}`));
    return page;
  }

  /** As the page does it, but without one: a test that is about something else need not sign in through it. */
  async function signIn(): Promise<void> {
    const code = new URL(stack.signInUrl).searchParams.get('code');
    const answer = await fetch(`${stack.url}/auth/sign-in`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ code }),
    });
    const cookie = /^([^=]+)=([^;]+)/.exec(answer.headers.get('set-cookie') ?? '');
    if (!cookie) throw new Error(`sign-in answered ${answer.status} without a cookie: ${await answer.text()}`);
    session = [{ name: cookie[1] ?? '', value: cookie[2] ?? '', url: stack.url }];
  }

  async function go(page: Page, path: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await page.goto(path);
        return;
      } catch (err) {
        if (attempt === 5 || !(err instanceof Error) || !NOT_OURS.test(err.message)) throw err;
      }
    }
  }

  return {
    complaints,
    go,
    async open(path, { isSignedIn = true, ...options } = {}) {
      if (isSignedIn && !session) await signIn();
      const page = await newPage(options);
      if (isSignedIn && session) await page.context().addCookies(session);
      await go(page, path);
      return page;
    },
    async adopt(page) {
      session = (await page.context().cookies()).map(({ name, value }) => ({ name, value, url: stack.url }));
    },
    close: () => browser.close(),
  };
}

export interface ShownPhase {
  phase: string;
  /** By the machine's clock. */
  atMs: number;
}

/** Writes down when the page of an environment shows which phase; gives what it has shown so far. */
export async function watchPhases(page: Page): Promise<() => Promise<ShownPhase[]>> {
  await page.evaluate(`
    window.seen = [];
    const look = () => {
      const phase = document.querySelector('main header [data-phase]')?.getAttribute('data-phase');
      if (phase && window.seen.at(-1)?.phase !== phase) window.seen.push({ phase, atMs: Date.now() });
    };
    new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true });
  `);
  return () => page.evaluate('window.seen') as Promise<ShownPhase[]>;
}

interface AxeViolation {
  id: string;
  help: string;
  nodes: { html: string; failureSummary: string }[];
}

/** What axe finds fault with on the page as it is now, one line for each place. */
export async function findAccessibilityFaults(page: Page): Promise<string[]> {
  await settle(page);
  await page.evaluate(axeSource);
  const violations = (await page.evaluate(
    `axe.run(document, { runOnly: ${JSON.stringify(RULES)}, resultTypes: ['violations'] }).then((found) => found.violations)`,
  )) as AxeViolation[];
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map((node) => `${id} (${help}): ${node.html.slice(0, 200)} ${node.failureSummary}`),
  );
}

/** For whoever wants to look: pictures in the folder that SHOT names, wide and narrow, light and dark. */
export async function photograph(page: Page, name: string): Promise<void> {
  const folder = process.env.SHOT;
  if (!folder) return;
  const size = page.viewportSize();
  for (const [word, viewport] of [
    ['desktop', { width: 1280, height: 1400 }],
    ['phone', PHONE],
  ] as const) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: `${folder}/${name}-${word}-${colorScheme}.png` });
    }
  }
  await page.emulateMedia({ colorScheme: 'light' });
  if (size) await page.setViewportSize(size);
}

/** Waits for what fades or slides in: colours are measured as they are at that moment. */
async function settle(page: Page): Promise<void> {
  await page.evaluate(`Promise.allSettled(
    document.getAnimations().filter((one) => one.effect.getTiming().iterations !== Infinity).map((one) => one.finished),
  )`);
}
