/** One run of the command: from its words to its exit code. Never throws. */
import { CommanderError } from 'commander';
import { readSettings } from './config.ts';
import type { GlobalOptions } from './connection.ts';
import { type Context, createContext } from './context.ts';
import { describeFailure } from './failure.ts';
import type { Io } from './io.ts';
import { createOutput } from './output/output.ts';
import { createProgram } from './program/program.ts';

export async function run(words: readonly string[], io: Io): Promise<number> {
  // Read from the words themselves, since words that cannot be parsed fail in JSON too.
  const isJson = wordsBeforeDashes(words).includes('--json');
  let out = createOutput(io, { isJson, isColorRefused: true });
  let context: Context | undefined;
  let code = 0;
  try {
    const config = readSettings(io.env);
    out = createOutput(io, { isJson, isColorRefused: config.isColorRefused });
    const program = createProgram({
      io,
      context: () => {
        context ??= createContext({ io, config, out, options: program.opts<GlobalOptions>() });
        return context;
      },
      exitWith: (wanted) => {
        code = wanted;
      },
    });
    await program.parseAsync([...words], { from: 'user' });
    return code;
  } catch (err) {
    if (err instanceof CommanderError && (err.exitCode === 0 || err.code === 'commander.help'))
      return err.exitCode === 0 ? 0 : 2;
    // What was thrown because of a signal is only its echo.
    const failure = describeFailure(io.signal.aborted ? io.signal.reason : err);
    out.fail(failure);
    return failure.exit;
  } finally {
    context?.close();
  }
}

function wordsBeforeDashes(words: readonly string[]): readonly string[] {
  const dashes = words.indexOf('--');
  return dashes === -1 ? words : words.slice(0, dashes);
}
