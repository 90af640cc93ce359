/** Time-based one-time codes (RFC 6238), as every authenticator app makes them: SHA-1, six digits, thirty seconds. */
import { Secret, TOTP } from 'otpauth';
import { encode } from 'uqr';

const PERIOD_SECONDS = 30;
/** RFC 4226 §4: at least 128 bits, 160 recommended. */
const SECRET_BYTES = 20;
/** Codes of the step before and after are taken too: clocks of phones differ, and typing takes time (RFC 6238 §5.2). */
const WINDOW_STEPS = 1;

/** Base32, as people type it into an app that cannot scan. */
export function newTotpSecret(): string {
  return new Secret({ size: SECRET_BYTES }).base32;
}

/** What an app scans. `issuer` is told apart in it by its host, since people have more than one Easel. */
export function totpUri(secret: string, { issuer, login }: { issuer: string; login: string }): string {
  return totpOf(secret, { issuer, label: login }).toString();
}

/** The time step whose code this is, or null. Steps up to `lastStep` are used up: whoever looked on types nothing again. */
export function stepOf(code: string, given: { secret: string; nowMs: number; lastStep: number | null }): number | null {
  if (!/^\d{6}$/.test(code)) return null;
  const { secret, nowMs, lastStep } = given;
  const delta = totpOf(secret).validate({ token: code, timestamp: nowMs, window: WINDOW_STEPS });
  if (delta === null) return null;
  const step = Math.floor(nowMs / 1000 / PERIOD_SECONDS) + delta;
  return lastStep === null || step > lastStep ? step : null;
}

function totpOf(secret: string, names: { issuer?: string; label?: string } = {}): TOTP {
  return new TOTP({ ...names, secret, algorithm: 'SHA1', digits: 6, period: PERIOD_SECONDS });
}

/** A QR code as what an SVG needs: its side in modules, and the path of the dark ones. */
export interface QrCode {
  size: number;
  path: string;
}

export function qrOf(text: string): QrCode {
  // Four modules of quiet zone, as ISO/IEC 18004 §9.1 has it.
  const { data, size } = encode(text, { ecc: 'M', border: 4 });
  const dark = data.flatMap((row, y) => row.map((isDark, x) => (isDark ? `M${x} ${y}h1v1h-1z` : '')));
  return { size, path: dark.join('') };
}
