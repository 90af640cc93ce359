/**
 * What `npm start` runs: checks Node.js, reads the options, installs what the lock file names, then hands over to
 * `src/main.ts` on the Node.js that npm installed. Plain JavaScript without static imports, so that any Node.js with
 * ECMAScript modules can at least say that it is too old.
 */
const oldest = [20, 19];
const [major, minor] = process.versions.node.split('.').map(Number);

if (major < oldest[0] || (major === oldest[0] && minor < oldest[1])) {
  console.error(
    `Easel needs Node.js ${oldest.join('.')} or newer to start, and this is ${process.versions.node}: install a newer Node.js, then try again.`,
  );
  process.exit(1);
}

import('./src/launch.mjs').then((launch) => launch.start(process.argv.slice(2)));
