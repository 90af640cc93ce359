/**
 * What a wait shows on the standard error: a line for each phase and each step that is over, and on a terminal one more line,
 * drawn again and again, for what goes on now. What to say is decided by comparing two rows; drawing knows nothing of them.
 */
import type { Environment, Step } from '../api/environments.ts';
import type { Screen } from '../io.ts';
import { plain } from '../output/clean.ts';
import { cut, duration } from '../output/format.ts';
import type { Output } from '../output/output.ts';

export interface Progress {
  show(environment: Environment): void;
  /** Says something in between. */
  note(text: string): void;
  /** Takes the line of now away. */
  end(): void;
}

/** The first words of a line: a mark where the screen has colours, a word elsewhere. */
export type Mark = 'phase' | 'done' | 'skipped' | 'failed';
export interface ProgressLine {
  readonly mark: Mark;
  readonly text: string;
}

const FRAMES = [...'⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏'];
const FRAME_MS = 100;
/** Of a terminal that does not tell its width, or tells 0. */
const USUAL_COLUMNS = 80;
const STEP_COLUMNS = 10;
const TIME_COLUMNS = 7;

/** What is new in `next`: phases entered, reasons given, steps that are over. */
export function news(before: Environment | undefined, next: Environment): ProgressLine[] {
  const isNewRun = before?.generation !== next.generation;
  const isPhaseNew = before?.phase !== next.phase || (before.reason !== next.reason && next.reason !== null);
  const phase: ProgressLine = {
    mark: 'phase',
    text: next.reason === null ? next.phase : `${next.phase}: ${plain(next.reason)}`,
  };
  // What was over before this wait began is no news, unless it began in the middle of a start.
  const isOld = before === undefined && next.phase !== 'starting';
  const steps = (isOld ? [] : next.steps).flatMap((step): ProgressLine[] => {
    if (step.state !== 'done' && step.state !== 'skipped' && step.state !== 'failed') return [];
    const old = isNewRun ? undefined : before?.steps.find(({ number }) => number === step.number);
    return old?.state === step.state ? [] : [{ mark: step.state, text: stepText(step) }];
  });
  if (!isPhaseNew) return steps;
  // The steps belong to the start: they stand behind its beginning and before its end.
  return before?.phase === 'starting' ? [...steps, phase] : [phase, ...steps];
}

/** What goes on now, and since when. */
export function current(environment: Environment): { text: string; sinceMs: number | null } {
  const step = environment.steps.find(({ state }) => state === 'active');
  if (!step || environment.phase !== 'starting')
    return { text: [environment.phase, plain(environment.reason ?? '')].filter(Boolean).join('  '), sinceMs: null };
  const percent = step.fraction === null ? '' : `${Math.floor(step.fraction * 100)} %`;
  const text = [step.name.padEnd(STEP_COLUMNS), percent, plain(step.text)].filter(Boolean).join('  ');
  return { text, sinceMs: step.startedAt === null ? null : Date.parse(step.startedAt) };
}

function stepText(step: Step): string {
  const time = step.durationMs === null ? '' : duration(step.durationMs);
  return `${step.name.padEnd(STEP_COLUMNS)}  ${time.padStart(TIME_COLUMNS)}  ${plain(step.text)}`.trimEnd();
}

/** Shows nothing with `--json`. */
export function createProgress(out: Output, screen: Screen): Progress {
  if (out.isJson) return { show: () => undefined, note: () => undefined, end: () => undefined };
  return screen.isTTY ? onTerminal(out, screen) : inLines(out);
}

function inLines(out: Output): Progress {
  let before: Environment | undefined;
  return {
    show(environment) {
      for (const { mark, text } of news(before, environment))
        out.note(mark === 'phase' ? text : `  ${mark.padEnd('skipped'.length)}  ${text}`);
      before = environment;
    },
    note: (text) => out.note(text),
    end: () => undefined,
  };
}

function onTerminal(out: Output, screen: Screen): Progress {
  const marks: Record<Mark, string> = {
    phase: out.paint('cyan', '●', 'stderr'),
    done: out.paint('green', '✓', 'stderr'),
    skipped: out.paint('dim', '–', 'stderr'),
    failed: out.paint('red', '✗', 'stderr'),
  };
  let before: Environment | undefined;
  let sinceMs = Date.now();
  let frame = 0;
  const erase = () => void screen.write('\r\u001b[2K');
  const draw = () => {
    if (!before) return;
    const now = current(before);
    const line = `${FRAMES[frame++ % FRAMES.length]} ${now.text}  ${duration(Math.max(0, Date.now() - (now.sinceMs ?? sinceMs)))}`;
    screen.write(`\r\u001b[2K${cut(line, (screen.columns || USUAL_COLUMNS) - 1)}`);
  };
  const timer = setInterval(draw, FRAME_MS);
  return {
    show(environment) {
      erase();
      for (const { mark, text } of news(before, environment)) out.note(`${marks[mark]} ${text}`);
      if (before?.phase !== environment.phase) sinceMs = Date.now();
      before = environment;
      draw();
    },
    note(text) {
      erase();
      out.note(text);
    },
    end() {
      clearInterval(timer);
      erase();
    },
  };
}
