export interface StartOptions {
  data: string | null;
  /** Zero takes any free port; so for the two others. */
  port: number;
  sshPort: number;
  relayPort: number;
  host: string;
  runtime: 'auto' | 'docker' | 'process';
  open: boolean;
  reset: boolean;
  yes: boolean;
  json: boolean;
  verbose: boolean;
  dev: boolean;
  help: boolean;
  version: boolean;
}

export function parseOptions(
  args: readonly string[],
): { options: StartOptions; problem?: never } | { options?: never; problem: string };
export function helpText(): string;
