import { TOTP } from 'otpauth';
import { describe, expect, it } from 'vitest';
import { newRecoveryCodes, RECOVERY_CODES, recoveryCodeHash } from './recovery-code.ts';
import { relyingPartyOf } from './relying-party.ts';
import { newTotpSecret, qrOf, stepOf, totpUri } from './totp.ts';

describe('a one-time code', () => {
  // RFC 6238 appendix B, the last six of its eight digits.
  const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';
  const at = (seconds: number) => ({ secret, nowMs: seconds * 1000, lastStep: null });

  it.each([
    [59, '287082', 1],
    [1_111_111_109, '081804', 37_037_036],
    [20_000_000_000, '353130', 666_666_666],
  ])('of second %i is %s', (seconds, code, step) => {
    expect(stepOf(code, at(seconds))).toBe(step);
  });

  it('is taken one step early and late, and no further', () => {
    expect(stepOf('287082', at(89))).toBe(1);
    expect(stepOf('287082', at(29))).toBe(1);
    expect(stepOf('287082', at(120))).toBeNull();
  });

  it('is not taken again, nor is an older one', () => {
    expect(stepOf('287082', { ...at(59), lastStep: 0 })).toBe(1);
    expect(stepOf('287082', { ...at(59), lastStep: 1 })).toBeNull();
    expect(stepOf('287082', { ...at(59), lastStep: 2 })).toBeNull();
  });

  it.each(['', '28708', '2870822', '28708x', '２８７０８２', '287082\n'])('is no %j', (code) => {
    expect(stepOf(code, at(59))).toBeNull();
  });

  it('is what an app makes of the address that it has scanned', () => {
    const fresh = newTotpSecret();
    const uri = totpUri(fresh, { issuer: 'Easel (easel.example.com)', login: 'ada' });
    expect(uri).toMatch(/^otpauth:\/\/totp\//);
    const parsed = new URL(uri);
    expect(parsed.searchParams.get('issuer')).toBe('Easel (easel.example.com)');
    const code = new TOTP({ secret: parsed.searchParams.get('secret') ?? '' }).generate();
    expect(stepOf(code, { secret: fresh, nowMs: Date.now(), lastStep: null })).not.toBeNull();
    const { size, path } = qrOf(uri);
    expect(size).toBeGreaterThan(30);
    expect(path).toMatch(/^M4 4h1v1h-1z/);
  });
});

describe('recovery codes', () => {
  it('are ten, all different, and known however they are typed', () => {
    const codes = newRecoveryCodes();
    expect(new Set(codes).size).toBe(RECOVERY_CODES);
    const [code = ''] = codes;
    expect(code).toMatch(/^[2-9a-z]{4}(-[2-9a-z]{4}){3}$/);
    expect(recoveryCodeHash(code.toUpperCase().replaceAll('-', ' '))).toBe(recoveryCodeHash(code));
    for (const other of ['', '123456', code.slice(1), `${code}x`]) expect(recoveryCodeHash(other)).toBeNull();
  });
});

describe('whom a passkey is made for', () => {
  it.each([
    ['https://easel.example.com', 'evil.example.com', 'easel.example.com', 'https://easel.example.com'],
    ['https://easel.example.com:8443', undefined, 'easel.example.com', 'https://easel.example.com:8443'],
    ['http://127.0.0.1:7080', 'localhost:7080', 'localhost', 'http://localhost:7080'],
    [null, 'localhost:7080', 'localhost', 'http://localhost:7080'],
  ])('is, of %s asked as %s, %s', (publicUrl, host, id, origin) => {
    expect(relyingPartyOf(publicUrl, host)).toEqual({ id, origin });
  });

  it.each([
    [null, '127.0.0.1:7080'],
    [null, 'easel.example.com'],
    [null, undefined],
    ['http://easel.example.com', 'easel.example.com'],
    ['https://192.0.2.1', '192.0.2.1'],
    ['https://[2001:db8::1]', '[2001:db8::1]'],
  ])('is nobody, of %s asked as %s', (publicUrl, host) => {
    expect(() => relyingPartyOf(publicUrl, host)).toThrow(/EASEL_PUBLIC_URL/);
  });
});
