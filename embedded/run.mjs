/**
 * `node embedded/run.mjs PROGRAM [ARGUMENT…]`: installs what the lock file names if it must, then runs a TypeScript program
 * of this checkout on the Node.js that npm installed. The scripts of package.json go through it, so that they work on a
 * fresh clone with whatever Node.js the machine has.
 */
import('./src/launch.mjs').then((launch) => launch.run(process.argv.slice(2)));
