/** Commands and links that lead into an environment, made from what the API gives. Pure. */
import type { EnvironmentDetail } from '#lib/operations/environments.ts';

export type Access = NonNullable<EnvironmentDetail['access']>;

/** Copying by scp, both ways. An IPv6 host needs brackets there. */
export function scpCommands(access: Access): { up: string; down: string } {
  const host = access.sshHost.includes(':') ? `[${access.sshHost}]` : access.sshHost;
  const place = `${access.sshUser}@${host}`;
  return {
    up: `scp -P ${access.sshPort} notes.txt ${place}:`,
    down: `scp -P ${access.sshPort} ${place}:notes.txt .`,
  };
}

export type Editor = { name: string; mark: string; family: 'editor' | 'jetbrains'; url: string };

/** The editors that can be opened by a link. A link of any other kind than expected is left out: it would be a trap. */
export function editorLinks(access: Access): Editor[] {
  const all: (Editor & { scheme: string })[] = [
    { name: 'VS Code', mark: 'VS', family: 'editor', url: access.vscodeUrl, scheme: 'vscode:' },
    { name: 'Cursor', mark: 'Cu', family: 'editor', url: access.cursorUrl, scheme: 'cursor:' },
    { name: 'Windsurf', mark: 'Wi', family: 'editor', url: access.windsurfUrl, scheme: 'windsurf:' },
    { name: 'Zed', mark: 'Ze', family: 'editor', url: access.zedUrl, scheme: 'zed:' },
    { name: 'Toolbox', mark: 'TB', family: 'jetbrains', url: access.toolboxUrl, scheme: 'jetbrains:' },
    { name: 'Gateway', mark: 'GW', family: 'jetbrains', url: access.gatewayUrl, scheme: 'jetbrains-gateway:' },
  ];
  return all.flatMap(({ scheme, ...editor }) => (schemeOf(editor.url) === scheme ? [editor] : []));
}

function schemeOf(url: string): string | null {
  return URL.canParse(url) ? new URL(url).protocol : null;
}
