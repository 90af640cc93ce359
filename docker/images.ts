/** The images of Easel, in the order in which their stages stand in the Dockerfile: what is built for one serves the next. */
export const IMAGES = ['worker', 'relay', 'jump', 'scheduler', 'server', 'dev'] as const;
export type ImageName = (typeof IMAGES)[number];

/** `worker`, as the stage and the repository are called. */
export function repositoryOf(image: ImageName): string {
  return `easel-${image}`;
}

/** What an image is called: `registry.example.com/team/easel-worker:1.2.3`. */
export function referenceOf(image: ImageName, place: { registry: string | undefined; tag: string }): string {
  const registry = place.registry?.replace(/\/+$/, '');
  return `${registry ? `${registry}/` : ''}${repositoryOf(image)}:${place.tag}`;
}

/** Whether a reference may carry this tag. Source: distribution/reference, "tag". */
export function isTag(text: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/.test(text);
}

/** What images are labelled with beside what the Dockerfile says. Source: OCI image specification, annotations. */
export function labelsOf(facts: {
  version: string;
  revision: string | null;
  source: string | null;
  license: string;
}): Record<string, string> {
  const prefix = 'org.opencontainers.image';
  return {
    [`${prefix}.vendor`]: 'Easel',
    [`${prefix}.version`]: facts.version,
    [`${prefix}.licenses`]: facts.license,
    ...(facts.revision === null ? {} : { [`${prefix}.revision`]: facts.revision }),
    ...(facts.source === null ? {} : { [`${prefix}.source`]: facts.source }),
  };
}

/** The page that a Git remote stands for; null for one that names no public address. Passwords in it are left out. */
export function sourcePageOf(remote: string): string | null {
  const web = /^https?:\/\/(?:[^@/]*@)?([^/]+)\/(.+?)(?:\.git)?\/?$/.exec(remote);
  const ssh = /^(?:ssh:\/\/)?[^@/\s]+@([^:/]+)(?::\d+\/|[:/])(.+?)(?:\.git)?\/?$/.exec(remote);
  const found = web ?? ssh;
  return found ? `https://${found[1]}/${found[2]}` : null;
}
