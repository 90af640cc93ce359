import { expect, test } from 'vitest';
import { type Access, editorLinks, scpCommands } from './ways-in.ts';

const access: Access = {
  sshCommand: 'ssh -p 7022 web@127.0.0.1',
  sshHost: '127.0.0.1',
  sshPort: 7022,
  sshUser: 'web',
  sshConfig: '',
  project: '/home/web/shop',
  hostKeyFingerprint: 'SHA256:x',
  vscodeUrl: 'vscode://vscode-remote/ssh-remote+web@127.0.0.1:7022/home/web/shop?windowId=_blank',
  cursorUrl: 'cursor://vscode-remote/x',
  windsurfUrl: 'windsurf://vscode-remote/x',
  zedUrl: 'zed://ssh/web@127.0.0.1:7022/home/web/shop',
  gatewayUrl: 'jetbrains-gateway://connect#host=x',
  toolboxUrl: 'jetbrains://gateway/ssh/environment?h=x',
};

test('scp takes the port and brackets an IPv6 host', () => {
  expect(scpCommands(access).up).toBe('scp -P 7022 notes.txt web@127.0.0.1:');
  expect(scpCommands({ ...access, sshHost: '::1' }).down).toBe('scp -P 7022 web@[::1]:notes.txt .');
});

test('every editor has its link', () => {
  expect(editorLinks(access).map((editor) => editor.name)).toEqual([
    'VS Code',
    'Cursor',
    'Windsurf',
    'Zed',
    'Toolbox',
    'Gateway',
  ]);
});

test('a link of another kind than expected is left out', () => {
  const links = editorLinks({
    ...access,
    vscodeUrl: 'javascript:alert(1)',
    zedUrl: 'https://evil.example',
    cursorUrl: '',
  });
  expect(links.map((editor) => editor.name)).toEqual(['Windsurf', 'Toolbox', 'Gateway']);
});
