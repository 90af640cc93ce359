/**
 * Tolerations as lines, in the words of `kubectl taint`: `dedicated=easel:NoSchedule`, `gpu:NoSchedule` for any value,
 * `gpu` for any effect, `*` for any taint, and ` for 300s` behind those that last only so long. Pure.
 */
import type { tolerationSchema } from '@easel/schema/platform-settings';
import type { z } from 'zod';
import { itemsOf } from './pair-lines.ts';

export type Toleration = z.infer<typeof tolerationSchema>;

const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'] as const;
const LINE = /^(?<key>\*|[^=:\s]+)(?:=(?<value>[^:\s]*))?(?::(?<effect>\w+))?(?:\s+for\s+(?<seconds>-?\d+)\s*s)?$/;

/** Null when a line is none. */
export function tolerationsOf(text: string): Toleration[] | null {
  const tolerations: Toleration[] = [];
  for (const line of itemsOf(text)) {
    const { key, value, effect, seconds } = LINE.exec(line)?.groups ?? {};
    const known = EFFECTS.find((candidate) => candidate === effect);
    if (key === undefined || (effect !== undefined && !known) || (key === '*' && value !== undefined)) return null;
    tolerations.push({
      ...(key !== '*' && { key }),
      ...(value === undefined ? { operator: 'Exists' } : { operator: 'Equal', value }),
      ...(known && { effect: known }),
      ...(seconds !== undefined && { tolerationSeconds: Number(seconds) }),
    });
  }
  return tolerations;
}

export function tolerationLines(tolerations: readonly Toleration[]): string {
  return tolerations
    .map(({ key, operator, value, effect, tolerationSeconds }) =>
      [
        key || '*',
        operator !== 'Exists' && key ? `=${value ?? ''}` : '',
        effect ? `:${effect}` : '',
        tolerationSeconds === undefined ? '' : ` for ${tolerationSeconds}s`,
      ].join(''),
    )
    .join('\n');
}
