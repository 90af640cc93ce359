/**
 * What `easel sign-in` keeps between runs: a token for each address, and which address is meant when none is named. One
 * file, `profiles.json` in the command's configuration folder, readable by its owner alone. It is replaced as a whole, so
 * that a reader sees the old or the new one, never half of it.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { CommandError } from './failure.ts';

const profileSchema = z.object({
  token: z.string().min(1),
  login: z.string(),
  /** `browser`: made for this command, there or with a code, and revoked by `sign-out`; `given`: someone else's to revoke. */
  origin: z.enum(['browser', 'given']),
});
export type Profile = z.infer<typeof profileSchema>;

const profilesSchema = z.object({
  current: z.string().nullable(),
  profiles: z.record(z.string(), profileSchema),
});
export type Profiles = z.infer<typeof profilesSchema>;

const NONE: Profiles = { current: null, profiles: {} };

/** The stored profiles; none when nobody has signed in here. */
export async function readProfiles(configDir: string): Promise<Profiles> {
  const path = pathIn(configDir);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return NONE;
    throw new CommandError('NOT_SIGNED_IN', `cannot read ${path}: ${(cause as Error).message}`, {}, cause);
  }
  try {
    return profilesSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new CommandError('NOT_SIGNED_IN', `${path} is damaged: remove it and run \`easel sign-in\``, {}, cause);
  }
}

/** Keeps a profile and makes its address the current one. */
export async function storeProfile(configDir: string, url: string, profile: Profile): Promise<void> {
  const { profiles } = await readProfiles(configDir);
  await writeProfiles(configDir, { current: url, profiles: { ...profiles, [url]: profile } });
}

/** Forgets the profile of an address. */
export async function forgetProfile(configDir: string, url: string): Promise<void> {
  const { current, profiles } = await readProfiles(configDir);
  const { [url]: _forgotten, ...rest } = profiles;
  await writeProfiles(configDir, { current: current === url ? null : current, profiles: rest });
}

async function writeProfiles(configDir: string, profiles: Profiles): Promise<void> {
  const path = pathIn(configDir);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(`${JSON.stringify(profiles, null, 2)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } finally {
    await rm(draft, { force: true });
  }
}

function pathIn(configDir: string): string {
  return join(configDir, 'profiles.json');
}
