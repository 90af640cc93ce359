/** The program that runs inside: `serve SOCKET` (the secret on stdin), or `scp …` where the image has none. */
import { scp } from './scp/scp.ts';
import { serve } from './serve.ts';

const [mode, ...rest] = process.argv.slice(2);
process.umask(0o022);
if (mode === 'serve' && rest[0] !== undefined) await serve(rest[0]);
else if (mode === 'scp') process.exitCode = await scp(rest);
else {
  process.stderr.write('usage: helper serve SOCKET | scp -t|-f …\n');
  process.exitCode = 2;
}
