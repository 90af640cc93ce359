/** The remote side of scp's old protocol (`scp -O`), for images that have no scp. */
import { receive } from './receive.ts';
import { sendAll } from './send.ts';
import { Wire } from './wire.ts';

export interface ScpOptions {
  isRecursive: boolean;
  keepsTimes: boolean;
  /** `-d`: the target must be a folder. */
  needsFolder: boolean;
  paths: string[];
}

/** Runs `scp -t` (to here) or `scp -f` (from here). Resolves with the exit code. */
export async function scp(argv: string[]): Promise<number> {
  const parsed = parse(argv);
  if (!parsed) {
    process.stderr.write('usage: scp -t|-f [-dprvq] [--] PATH…: this scp only serves the scp of another machine\n');
    return 2;
  }
  const wire = new Wire(process.stdin, process.stdout);
  try {
    if (parsed.isSink) await receive(wire, parsed);
    else await sendAll(wire, parsed);
  } catch (err) {
    await wire.fatal((err as Error).message);
  }
  process.stdin.destroy();
  return wire.errors > 0 ? 1 : 0;
}

function parse(argv: string[]): (ScpOptions & { isSink: boolean }) | null {
  const letters = new Set<string>();
  let at = 0;
  for (; argv[at]?.startsWith('-') && argv[at] !== '-'; at++) {
    if (argv[at] === '--') {
      at++;
      break;
    }
    for (const letter of argv[at]!.slice(1)) letters.add(letter);
  }
  const isSink = letters.has('t');
  const paths = argv.slice(at);
  const isKnown = [...letters].every((letter) => 'tfrpdvq'.includes(letter));
  if (!isKnown || isSink === letters.has('f') || paths.length === 0 || (isSink && paths.length > 1)) return null;
  return {
    isSink,
    isRecursive: letters.has('r'),
    keepsTimes: letters.has('p'),
    needsFolder: letters.has('d'),
    paths,
  };
}
