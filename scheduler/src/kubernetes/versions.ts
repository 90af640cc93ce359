/**
 * Resource versions. They are numbers on every API server on etcd, and from Kubernetes 1.35 on by definition; one that is none
 * is compared with nothing, and counts as newer.
 */
export function isOlder(version: string, than: string): boolean {
  const [a, b] = [numberOf(version), numberOf(than)];
  return a !== null && b !== null && a < b;
}

function numberOf(version: string): bigint | null {
  return /^\d{1,40}$/.test(version) ? BigInt(version) : null;
}
