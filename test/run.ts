/**
 * `npm test [-- suite… | file…]`: runs every suite that this machine can run, one at a time, and ends with the plain line
 * `N passed, N failed`. A suite that lacks a component says so in one line; with EASEL_TEST_REQUIRE=all that is a failure.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root, runTool } from './kit/command.ts';
import { type ComponentName, missing, mustHaveAll } from './kit/components.ts';
import { generateIfStale } from './kit/generated.ts';

/** In the order of their price. What a whole suite needs stands here, what single tests need they say themselves. */
const suites: Record<string, readonly ComponentName[]> = {
  unit: [],
  web: [],
  house: [],
  helm: ['helm'],
  db: [],
  flows: [],
  faults: [],
  cluster: ['cluster'],
  browser: ['chromium', 'built web'],
};

/** How `describeWith` marks the reason in a title. */
const skippedMark = /\[skipped: (.*?)\]/;

/** The part of vitest's JSON report that is read here. */
interface Report {
  testResults: {
    name: string;
    status: string;
    message?: string;
    assertionResults: { status: string; fullName: string; failureMessages?: string[] }[];
  }[];
}

/** How much of a failure's message is said again at the end, in characters. */
const longestMessage = 2_000;

let passed = 0;
let failed = 0;
/** Said once more at the end: a long run's output is seldom read from its start. */
const failures: string[] = [];

async function runSuite(name: string, filters: readonly string[]): Promise<void> {
  const reasons = missing(suites[name] ?? []);
  // A cluster is nothing that a machine installs: who has one says so.
  const isFailure = mustHaveAll() && name !== 'cluster';
  for (const reason of reasons) console.log(`${isFailure ? 'failed' : 'skipped'} ${name}: ${reason}`);
  if (reasons.length > 0) {
    if (isFailure) failed++;
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'easel-test-report-'));
  const reportFile = join(folder, 'report.json');
  try {
    const reporters = ['--reporter=dot', '--reporter=json', `--outputFile.json=${reportFile}`];
    const args = ['run', '--project', name, '--passWithNoTests', ...reporters, ...filters];
    const { code } = await runTool('vitest', args, { show: true });
    count(name, code, existsSync(reportFile) ? JSON.parse(readFileSync(reportFile, 'utf8')) : { testResults: [] });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function count(name: string, code: number, report: Report): void {
  const before = failed;
  const skipped = new Set<string>();
  for (const file of report.testResults) {
    const statuses = file.assertionResults.map((test) => test.status);
    passed += statuses.filter((status) => status === 'passed').length;
    const broken = statuses.filter((status) => status === 'failed').length;
    // A file that could not even be loaded has no test to blame.
    failed += file.status === 'failed' ? Math.max(1, broken) : broken;
    const path = file.name.replace(root, '');
    if (broken === 0 && file.status === 'failed')
      failures.push(`${path}\n${file.message ?? ''}`.slice(0, longestMessage));
    for (const test of file.assertionResults) {
      if (test.status === 'failed') {
        failures.push(`${path} > ${test.fullName}\n${test.failureMessages?.join('\n') ?? ''}`.slice(0, longestMessage));
      }
      const reason = skippedMark.exec(test.fullName)?.[1];
      if (reason) skipped.add(`skipped ${path}: ${reason}`);
    }
  }
  for (const line of skipped) console.log(line);
  if (code !== 0 && failed === before) {
    console.log(`failed ${name}: vitest ended with code ${code} although no test failed`);
    failed++;
  }
}

const args = process.argv.slice(2);
const chosen = args.filter((arg) => Object.hasOwn(suites, arg));
const filters = args.filter((arg) => !Object.hasOwn(suites, arg));
try {
  await generateIfStale();
} catch (err) {
  console.log((err as Error).message);
  failed++;
}
for (const name of chosen.length > 0 ? chosen : Object.keys(suites)) {
  console.log(`\n== ${name}`);
  await runSuite(name, filters);
}
for (const failure of failures) console.log(`\nfailed ${failure}`);
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
