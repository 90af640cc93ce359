import { type SpawnOptions, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The folder of the whole project. */
export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Runs a command in the project's folder. Never rejects: the code is 127 when the command does not exist. */
export function run(
  command: string,
  args: readonly string[],
  options: { env?: Record<string, string>; show?: boolean } = {},
): Promise<{ code: number; stdout: string; output: string }> {
  const stdio: SpawnOptions['stdio'] = options.show ? ['ignore', 'inherit', 'inherit'] : ['ignore', 'pipe', 'pipe'];
  const child = spawn(command, args, { cwd: root, env: { ...process.env, ...options.env }, stdio });
  let stdout = '';
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    output += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  return new Promise((resolve) => {
    child.on('error', (err) => resolve({ code: 127, stdout, output: `${output}${err.message}\n` }));
    child.on('close', (code) => resolve({ code: code ?? 1, stdout, output }));
  });
}

/** Runs a program of `node_modules/.bin` on the Node.js that runs this. */
export function runTool(tool: string, args: readonly string[], options: { show?: boolean } = {}) {
  return run(process.execPath, [`${root}node_modules/.bin/${tool}`, ...args], options);
}
