import { expect, test } from 'vitest';
import { smallMtu } from './machine.ts';

const header = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n';
const routes = `${header}eth0\t0000F40A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\neth1\t00000000\t0100F40A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n`;

test('packets of containers are as small as the network of the pod wants them', () => {
  const asked: string[] = [];
  const mtu = smallMtu(routes, (device) => {
    asked.push(device);
    return 1450;
  });
  expect(mtu).toBe(1450);
  expect(asked).toEqual(['eth1']);
});

test('a usual network is not mentioned, nor is none at all', () => {
  expect(smallMtu(routes, () => 1500)).toBeNull();
  expect(smallMtu(routes, () => null)).toBeNull();
  expect(smallMtu(header, () => 1450)).toBeNull();
});
