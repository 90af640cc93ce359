/**
 * Further certificate authorities that an installation names: trusted by this process from now on, and written, behind those
 * of the machine, to one file for the programs that it starts (git, the Docker daemon) and for containers.
 */
import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';

/** Where Debian, and what is made like it, keeps the authorities that the machine trusts. */
const MACHINE_BUNDLE = '/etc/ssl/certs/ca-certificates.crt';
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** Gives the file with all of them; null when none is named. Throws when the file cannot be read or holds none. */
export function trustFurther(extraFile: string | undefined): string | null {
  if (extraFile === undefined) return null;
  const extra = readFileSync(extraFile, 'utf8').match(CERTIFICATE) ?? [];
  if (extra.length === 0) throw new Error(`${extraFile} holds no certificate in PEM form`);
  setDefaultCACertificates([...getCACertificates('default'), ...extra]);
  const dir = mkdtempSync(join(tmpdir(), 'easel-trust-'));
  // Containers of any user read it.
  chmodSync(dir, 0o755);
  const bundle = join(dir, 'ca-certificates.crt');
  writeFileSync(bundle, `${machineAuthorities().trimEnd()}\n${extra.join('\n')}\n`, { mode: 0o644 });
  return bundle;
}

function machineAuthorities(): string {
  try {
    return readFileSync(process.env.SSL_CERT_FILE || MACHINE_BUNDLE, 'utf8');
  } catch {
    return getCACertificates('default').join('\n');
  }
}

/** What tells programs to trust that file. Sources: OpenSSL, Go's crypto/x509, git-config(1), Node.js, curl(1), requests. */
export function trustVariables(bundle: string): Record<string, string> {
  return {
    SSL_CERT_FILE: bundle,
    GIT_SSL_CAINFO: bundle,
    NODE_EXTRA_CA_CERTS: bundle,
    CURL_CA_BUNDLE: bundle,
    REQUESTS_CA_BUNDLE: bundle,
  };
}
