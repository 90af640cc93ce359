import { expect, test } from 'vitest';
import { installCommand, renewCommand } from './helm.ts';

const cluster = { serverUrl: 'https://easel.example.com', token: 'easel_platform_x' };

test('the commands name what the chart asks for', () => {
  const command = installCommand(cluster);
  for (const value of [
    'server.enabled=false',
    'platform.serverUrl=https://easel.example.com',
    'platform.token=easel_platform_x',
    'relay.publicUrl=',
    'jump.host=',
    'image.registry=',
  ]) {
    expect(command).toContain(`--set ${value}`);
  }
  expect(renewCommand(cluster)).toContain('--reuse-values');
});
