/**
 * Which addresses the server may call when somebody tells it where to. Pure. An address is judged by what it reaches in the
 * end: IPv4 that is wrapped into IPv6 (mapped, NAT64, 6to4, Teredo) is judged as that IPv4 address.
 */
import ipaddr from 'ipaddr.js';

export type Network = [ipaddr.IPv4 | ipaddr.IPv6, number];

/** Networks in CIDR notation and names of hosts that are let through although they are private. */
export interface Allowed {
  networks: readonly Network[];
  hosts: ReadonlySet<string>;
  /** `host:port`: called at that port, too, where no web server usually is. */
  places: ReadonlySet<string>;
}

interface Policy {
  allowed: Allowed;
  allowsPrivate: boolean;
  /** Nothing but what is allowed by its name or network: whoever is between could read what is not encrypted. */
  needsAllowed?: boolean;
  host: string;
}

/** Where clouds hand out credentials to whoever asks: never, whatever is allowed. */
const METADATA = [
  '169.254.0.0/16',
  '100.100.100.200/32',
  '168.63.129.16/32',
  '192.0.0.192/32',
  'fd00:ec2::/32',
  'fe80::/10',
  'fd20:ce::254/128',
].map((text) => ipaddr.parseCIDR(text));
/** What companies call their own: for what only an administrator names. */
const PRIVATE_RANGES = new Set(['private', 'uniqueLocal', 'loopback', 'carrierGradeNat']);

/** Null when it may be called, else why not. */
export function refusalOf(text: string, policy: Policy): string | null {
  if (!ipaddr.isValid(text)) return 'is no address';
  const address = unwrapped(ipaddr.parse(text));
  if (METADATA.some((network) => isIn(address, network))) return 'is where clouds keep credentials';
  const { allowed, allowsPrivate, needsAllowed = false, host } = policy;
  if (allowed.networks.some((network) => isIn(address, network))) return null;
  const range = address.range();
  if (needsAllowed && !allowed.hosts.has(host.toLowerCase())) return 'is called by https:// alone';
  if (range === 'unicast') return null;
  if (PRIVATE_RANGES.has(range) && (allowsPrivate || allowed.hosts.has(host.toLowerCase()))) return null;
  return `is not public (${range})`;
}

/** `10.0.0.0/8, ci.example.com, ci.example.com:9000`: networks and names. Throws a sentence. */
export function parseAllowed(text: string): Allowed {
  const networks: Network[] = [];
  const hosts = new Set<string>();
  const places = new Set<string>();
  for (const word of text
    .split(',')
    .map((one) => one.trim())
    .filter(Boolean)) {
    const [, place, port] = PLACE.exec(word) ?? [];
    const part = (place ?? word).replace(/^\[|\]$/g, '');
    if (port) places.add(placeOf(part, Number(port)));
    if (ipaddr.isValidCIDR(part)) networks.push(ipaddr.parseCIDR(part));
    else if (ipaddr.IPv4.isValidFourPartDecimal(part) || ipaddr.IPv6.isValid(part)) {
      const address = ipaddr.parse(part);
      networks.push([address, address.kind() === 'ipv4' ? 32 : 128]);
    } else if (/^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/.test(part) && /[A-Za-z]/.test(part))
      hosts.add(part.toLowerCase());
    else throw new Error(`"${word}" is neither a network like 10.0.0.0/8 nor the name of a host`);
  }
  return { networks, hosts, places };
}

/** A name, an IPv4 address, or an IPv6 address in brackets, and a port. */
const PLACE = /^([^:/[\]]+|\[[^\]]+\]):(\d{1,5})$/;

/** As `places` have it. */
export function placeOf(host: string, port: number): string {
  return `${host.toLowerCase()}:${port}`;
}

function isIn(address: ipaddr.IPv4 | ipaddr.IPv6, [network, bits]: Network): boolean {
  return address.kind() === network.kind() && address.match(network as ipaddr.IPv4 & ipaddr.IPv6, bits);
}

/** The IPv4 address that a packet to this IPv6 address ends at. */
function unwrapped(address: ipaddr.IPv4 | ipaddr.IPv6): ipaddr.IPv4 | ipaddr.IPv6 {
  if (address instanceof ipaddr.IPv4) return address;
  const bytes = address.toByteArray();
  const at = (from: number, flip = 0) => new ipaddr.IPv4(bytes.slice(from, from + 4).map((byte) => byte ^ flip));
  // ::a.b.c.d, which nobody uses any more and some systems still follow; :: and ::1 are what they are.
  if (bytes.slice(0, 12).every((byte) => byte === 0) && bytes.slice(12, 15).some((byte) => byte !== 0)) return at(12);
  switch (address.range()) {
    case 'ipv4Mapped':
      return address.toIPv4Address();
    case 'rfc6145':
    case 'rfc6052':
      return at(12);
    case '6to4':
      return at(2);
    case 'teredo':
      return at(12, 0xff);
    default:
      return address;
  }
}
