/** Which packages of a lock file a workspace needs when it runs. Source: npm's documentation of package-lock.json, `packages`. */

/** What is read of an entry of `packages`. */
export interface LockEntry {
  /** A link to a workspace: `resolved` is its folder. */
  link?: boolean;
  resolved?: string;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
}

export type LockedPackages = Readonly<Record<string, LockEntry>>;

export interface ProductionPackages {
  /** Folders of workspaces, the asked one first. */
  workspaces: string[];
  /** Folders of installed packages (`node_modules/…`). One that is optional may be absent on this machine. */
  installed: string[];
}

/** The closure over dependencies, optional ones and peers that must be there. Throws for what the lock file does not hold. */
export function productionPackages(packages: LockedPackages, workspace: string): ProductionPackages {
  const found = new Set<string>();
  const waiting = [workspace];
  for (let at = waiting.shift(); at !== undefined; at = waiting.shift()) {
    if (found.has(at)) continue;
    const entry = packages[at];
    if (!entry) throw new Error(`the lock file has no entry ${at}`);
    found.add(at);
    for (const { name, isOptional } of needsOf(entry)) {
      const path = resolvePackage(packages, at, name);
      if (path !== null) waiting.push(path);
      else if (!isOptional) throw new Error(`the lock file has no ${name}, which ${at} needs`);
    }
  }
  const isInstalled = (path: string) => path.includes('node_modules/');
  return {
    workspaces: [...found].filter((path) => !isInstalled(path)),
    installed: [...found].filter(isInstalled).sort(),
  };
}

function needsOf(entry: LockEntry): { name: string; isOptional: boolean }[] {
  const names = (set: Record<string, string> | undefined) => Object.keys(set ?? {});
  const optional = names(entry.optionalDependencies);
  const peers = names(entry.peerDependencies).filter((name) => !entry.peerDependenciesMeta?.[name]?.optional);
  return [
    ...[...names(entry.dependencies), ...peers].map((name) => ({ name, isOptional: optional.includes(name) })),
    ...optional.map((name) => ({ name, isOptional: true })),
  ];
}

/** Where `name` is found from a package, as Node.js looks: in its own node_modules, then in each folder above. */
function resolvePackage(packages: LockedPackages, from: string, name: string): string | null {
  for (let folder = from; ; folder = parentOf(folder)) {
    const path = `${folder === '' ? '' : `${folder}/`}node_modules/${name}`;
    const entry = packages[path];
    if (entry) return entry.link && entry.resolved ? entry.resolved : path;
    if (folder === '') return null;
  }
}

/** The folder whose node_modules a package lies in; of a workspace, the root. */
function parentOf(path: string): string {
  const at = path.lastIndexOf('/node_modules/');
  return at < 0 ? '' : path.slice(0, at);
}
