/** What the create form asks for, and what it makes of it. Pure. */
import { branchSchema, nameSchema } from '@easel/schema/names';
import { gitUrlSchema, imageSchema } from '@easel/schema/template';
import { sentence } from './format.ts';
import { texts } from './texts.ts';

export type CreateEntries = {
  /** Path of the template (template-path.ts), or null for a Git URL or a snapshot. */
  template: string | null;
  /** Id of a snapshot, empty until one is chosen; null when it is not made from one. */
  snapshot: string | null;
  gitUrl: string;
  branch: string;
  image: string;
  name: string;
  /** Empty: the default one. */
  instanceType: string;
  /** Empty: any. A snapshot stays where it is. */
  platform: string;
};
export type CreateErrors = Partial<Record<'name' | 'branch' | 'gitUrl' | 'image' | 'snapshot', string>>;

type Parser = {
  safeParse: (value: unknown) => { success: boolean; error?: { issues: { message: string }[] } | undefined };
};

const firstIssue = (schema: Parser, value: string): string | undefined =>
  schema.safeParse(value).error?.issues[0]?.message;

export function checkEntries(entries: CreateEntries, isNameTaken: (name: string) => boolean): CreateErrors {
  const found: CreateErrors = {};
  const note = (field: keyof CreateErrors, message: string | undefined) => {
    if (message !== undefined) found[field] = sentence(message);
  };
  note('name', isNameTaken(entries.name.trim()) ? texts.create.nameTaken : firstIssue(nameSchema, entries.name.trim()));
  if (entries.snapshot !== null) {
    if (entries.snapshot === '') note('snapshot', texts.create.snapshotMissing);
    return found;
  }
  if (entries.branch.trim()) note('branch', firstIssue(branchSchema, entries.branch.trim()));
  if (entries.template === null) {
    note('gitUrl', firstIssue(gitUrlSchema, entries.gitUrl.trim()));
    if (entries.image.trim()) note('image', firstIssue(imageSchema, entries.image.trim()));
  }
  return found;
}

export type CreateInput = {
  name: string;
  template?: string;
  gitUrl?: string;
  branch?: string;
  image?: string;
  snapshot?: string;
  instanceType?: string;
  platform?: string;
  requestKey: string;
};

export function inputOf(entries: CreateEntries, requestKey: string): CreateInput {
  const branch = entries.branch.trim();
  const image = entries.image.trim();
  const common = {
    name: entries.name.trim(),
    requestKey,
    ...(entries.instanceType && { instanceType: entries.instanceType }),
  };
  if (entries.snapshot !== null) return { ...common, snapshot: entries.snapshot };
  return {
    ...common,
    ...(entries.platform && { platform: entries.platform }),
    ...(entries.template === null ? { gitUrl: entries.gitUrl.trim() } : { template: entries.template }),
    ...(branch && { branch }),
    ...(entries.template === null && image && { image }),
  };
}

/** A free name made from a template's name or a repository's URL: `web-shop`, then `web-shop-2`, … */
export function suggestName(from: string, isTaken: (name: string) => boolean): string {
  const last =
    from
      .replace(/\/+$/, '')
      .replace(/\.git$/, '')
      .split(/[/:]/)
      .at(-1) ?? '';
  const base =
    last
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^[^a-z]+|-+$/g, '')
      .slice(0, 34)
      .replace(/-+$/, '') || 'environment';
  for (let number = 1; ; number++) {
    const name = number === 1 ? base : `${base}-${number}`;
    if (!isTaken(name)) return name;
  }
}

/**
 * Gives the same key for the same entries and another one as soon as they differ: pressing twice, or again after a lost
 * answer, makes one environment; a corrected form makes the corrected one.
 */
export function requestKeys(makeKey: () => string = randomKey): (entries: CreateEntries) => string {
  const keys = new Map<string, string>();
  return (entries) => {
    const print = JSON.stringify(inputOf(entries, ''));
    const key = keys.get(print) ?? makeKey();
    keys.set(print, key);
    return key;
  };
}

/** 128 random bits. `crypto.randomUUID` is missing on pages that are not served over HTTPS or from this machine. */
function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
