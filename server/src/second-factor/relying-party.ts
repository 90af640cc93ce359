/**
 * Whom a passkey is made for: the name in the browser's address bar (WebAuthn §5.1.2). It must be a name and no address,
 * and it must be reached by TLS; `localhost` alone may do without. A passkey of one name is of no use under another.
 */
import { isIP } from 'node:net';
import { AppError } from '@easel/schema/errors';

export interface RelyingParty {
  /** The RP id. */
  id: string;
  origin: string;
}

/** Of the address that the installation is known by, else of this machine's own name. Throws WRONG_STATE. */
export function relyingPartyOf(publicUrl: string | null, host: string | undefined): RelyingParty {
  const candidates = [publicUrl, host === undefined ? null : `http://${host}`];
  for (const [at, text] of candidates.entries()) {
    if (text === null || !URL.canParse(text)) continue;
    const { protocol, hostname, origin } = new URL(text);
    const isLocal = hostname === 'localhost';
    // What a request calls us is believed of this machine's own name alone.
    const isKnown = at === 0 || isLocal;
    if (isKnown && isName(hostname) && (protocol === 'https:' || isLocal)) return { id: hostname, origin };
  }
  throw new AppError({
    code: 'WRONG_STATE',
    message:
      'passkeys need a name that is reached by https: set EASEL_PUBLIC_URL to an address like https://easel.example.com, or open Easel as http://localhost on its own machine',
  });
}

function isName(hostname: string): boolean {
  return hostname !== '' && isIP(hostname.replace(/^\[|\]$/g, '')) === 0;
}
