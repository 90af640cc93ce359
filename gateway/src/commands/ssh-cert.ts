import type { Context } from '../context.ts';
import { relative } from '../output/format.ts';
import { freshCertificate } from '../ssh/certificate-files.ts';

/** What `ssh NAME.easel` runs before it dials, by the configuration that `easel ssh-config` writes. */
export async function sshCert({ api: open, config, out }: Context): Promise<void> {
  const { keyFile, certificateFile, certificate } = await freshCertificate(await open(), config.configDir);
  const { serial, keyId, principals, validBefore } = certificate;
  const until = new Date(Number(validBefore) * 1000).toISOString();
  out.json({ keyFile, certificateFile, serial: String(serial), keyId, principals, validBefore: until });
  out.line(`${certificateFile} expires ${relative(until, Date.now())}; its key is ${keyFile}`);
}
