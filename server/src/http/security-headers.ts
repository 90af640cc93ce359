import type { ServerResponse } from 'node:http';

/** A year (RFC 6797). Names below ours are not ours to speak for. */
const HTTPS_ONLY = 'max-age=31536000';

/**
 * Set on every answer, pages too, whose own Content-Security-Policy takes the place of this one: what is not a page must
 * neither run nor load anything, nor lie in a frame, whatever a browser takes it for.
 * Source: OWASP HTTP Security Response Headers Cheat Sheet.
 */
export function setSecurityHeaders(response: ServerResponse, isSecure: boolean): void {
  response.setHeader('x-content-type-options', 'nosniff');
  response.setHeader('x-frame-options', 'DENY');
  response.setHeader('content-security-policy', "default-src 'none'; frame-ancestors 'none'; base-uri 'none'");
  response.setHeader('referrer-policy', 'no-referrer');
  response.setHeader('cross-origin-opener-policy', 'same-origin');
  response.setHeader('cross-origin-resource-policy', 'same-origin');
  response.setHeader('permissions-policy', 'camera=(), geolocation=(), microphone=(), payment=(), usb=()');
  if (isSecure) response.setHeader('strict-transport-security', HTTPS_ONLY);
}
