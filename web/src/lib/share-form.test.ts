import { describe, expect, it } from 'vitest';
import { EMPTY_SHARE, readPorts, readShareForm, type ShareForm } from './share-form.ts';

const nowMs = Date.parse('2030-01-01T12:00:00Z');
const read = (form: Partial<ShareForm>) =>
  readShareForm({ ...EMPTY_SHARE, guest: 'ada', ...form }, { environment: 'env', nowMs });

describe('the form', () => {
  it('becomes what is sent: a day, unless another time is chosen', () => {
    expect(read({})).toEqual({
      input: {
        environment: 'env',
        user: 'ada',
        group: null,
        access: 'view',
        ports: [],
        expiresAt: '2030-01-02T12:00:00.000Z',
        note: null,
      },
    });
    expect(read({ length: 'hour' })).toMatchObject({ input: { expiresAt: '2030-01-01T13:00:00.000Z' } });
    expect(read({ length: 'open' })).toMatchObject({ input: { expiresAt: null } });
    const until = '2030-02-01T08:30';
    expect(read({ length: 'own', until })).toMatchObject({ input: { expiresAt: new Date(until).toISOString() } });
  });

  it('names a group instead of a user, and ports only with that access', () => {
    expect(read({ kind: 'group', guest: ' web ' })).toMatchObject({ input: { user: null, group: 'web' } });
    expect(read({ access: 'ports', ports: '3000, 8080' })).toMatchObject({ input: { ports: [3000, 8080] } });
    expect(read({ access: 'ssh', ports: '3000' })).toMatchObject({ input: { ports: [] } });
  });

  it('says which fields are to be put right', () => {
    const wrong = read({ guest: ' ', access: 'ports', ports: 'http', length: 'own', until: '2029-01-01T00:00' });
    expect(Object.keys('problems' in wrong ? wrong.problems : {}).sort()).toEqual(['guest', 'ports', 'until']);
    expect(read({ length: 'own' })).toHaveProperty('problems.until');
  });
});

it.each([
  ['', []],
  ['80', [80]],
  ['80,443 ; 8080', [80, 443, 8080]],
  ['0', null],
  ['65536', null],
  ['8o80', null],
  ['-1', null],
])('reads the ports of %j', (text, ports) => {
  expect(readPorts(text)).toEqual(ports);
});
