declare global {
  /** The version of this package, set by vite.config.ts. */
  const EASEL_VERSION: string;
}

export {};
