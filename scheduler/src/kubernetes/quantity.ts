/** Quantities as Kubernetes writes them (`1Gi`, `500m`, `2e3`). Source: kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity. */

const FACTORS: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
  Ti: 1024 ** 4,
  Pi: 1024 ** 5,
  Ei: 1024 ** 6,
};

/** The number that a quantity stands for, or null for what is none. */
export function readQuantity(text: string): number | null {
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)([numkMGTPE]|[KMGTPE]i)?$/.exec(text);
  const factor = FACTORS[match?.[2] ?? ''];
  return match && factor !== undefined ? Number(match[1]) * factor : null;
}
