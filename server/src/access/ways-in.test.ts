import { expect, it } from 'vitest';
import { waysIn } from './ways-in.ts';

const web = {
  name: 'web',
  alias: 'web',
  sshHost: 'jump.example.com',
  sshPort: 7022,
  project: '/home/dev/my project/ü',
};

it('makes the command and a block of configuration', () => {
  expect(waysIn(web).sshCommand).toBe('ssh -p 7022 web@jump.example.com');
  expect(waysIn({ ...web, sshPort: 22 }).sshCommand).toBe('ssh web@jump.example.com');
  expect(waysIn(web).sshConfig).toContain('Host web.easel\n  HostName jump.example.com\n  Port 7022\n  User web\n');
});

it('makes the links of the editors and IDEs', () => {
  const path = '/home/dev/my%20project/%C3%BC';
  expect(waysIn(web)).toMatchObject({
    vscodeUrl: `vscode://vscode-remote/ssh-remote+web@jump.example.com:7022${path}?windowId=_blank`,
    cursorUrl: `cursor://vscode-remote/ssh-remote+web@jump.example.com:7022${path}?windowId=_blank`,
    windsurfUrl: `windsurf://vscode-remote/ssh-remote+web@jump.example.com:7022${path}?windowId=_blank`,
    zedUrl: `zed://ssh/web@jump.example.com:7022${path}`,
  });
  const gateway = new URLSearchParams(waysIn(web).gatewayUrl.split('#')[1]);
  expect(Object.fromEntries(gateway)).toEqual({
    projectPath: web.project,
    host: 'jump.example.com',
    port: '7022',
    user: 'web',
    type: 'ssh',
    deploy: 'false',
  });
  const toolbox = new URL(waysIn(web).toolboxUrl).searchParams;
  expect(Object.fromEntries(toolbox)).toEqual({
    h: 'jump.example.com',
    u: 'web',
    p: '7022',
    launchIde: 'true',
    projectHint: web.project,
  });
});

it('puts an IPv6 address in brackets where it stands in a URL', () => {
  const ways = waysIn({ ...web, sshHost: '::1', project: '/p' });
  expect(ways.vscodeUrl).toContain('ssh-remote+web@[::1]:7022/p');
  expect(ways.zedUrl).toBe('zed://ssh/web@[::1]:7022/p');
  expect(ways.sshCommand).toBe('ssh -p 7022 web@::1');
});
