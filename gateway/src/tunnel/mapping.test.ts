import { expect, it } from 'vitest';
import { parseMapping } from './mapping.ts';

it.each([
  ['8080', { localPort: 8080, remotePort: 8080 }],
  ['3000:80', { localPort: 3000, remotePort: 80 }],
  ['0:80', { localPort: 0, remotePort: 80 }],
  ['auto:80', { localPort: 0, remotePort: 80 }],
  ['65535:65535', { localPort: 65_535, remotePort: 65_535 }],
])('reads %s', (text, mapping) => expect(parseMapping(text)).toEqual(mapping));

it.each(['', '0', '8080:', ':80', '80:0', '65536', '70000:80', '1:2:3', 'http', '-1', '8080/tcp'])(
  'refuses %j and says the form',
  (text) => expect(() => parseMapping(text)).toThrow(/expected \[LOCAL:\]REMOTE/),
);
