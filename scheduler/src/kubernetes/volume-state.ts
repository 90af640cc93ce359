/** What a PersistentVolumeClaim says of the volume's size, and why it does not grow. Pure. */
import type { ObservedVolume } from '../platform.ts';
import { latest, sentence } from './pending-reason.ts';
import type { ClaimView, EventView } from './views.ts';

/** The cluster refused to grow a volume to this. */
export interface GrowthRefusal {
  diskBytes: number;
  problem: string;
}

export function volumeOf(
  claim: ClaimView,
  events: readonly EventView[],
  refusal: GrowthRefusal | null,
): ObservedVolume {
  const { capacityBytes } = claim;
  const isRefused = refusal !== null && refusal.diskBytes > claim.requestedBytes;
  return {
    requestedBytes: isRefused ? refusal.diskBytes : claim.requestedBytes,
    capacityBytes,
    problem: isRefused ? refusal.problem : growthProblem(claim, events),
  };
}

function growthProblem(claim: ClaimView, events: readonly EventView[]): string | null {
  if (claim.phase !== 'Bound' || claim.capacityBytes >= claim.requestedBytes) return null;
  const failed = latest(
    events.filter(({ about }) => about === claim.name),
    'VolumeResizeFailed',
  );
  const is = (type: string) => claim.conditions.some((one) => one.type === type && one.isTrue);
  if (is('FileSystemResizePending'))
    return 'The disk has grown; its file system follows within minutes, or at the next start.';
  if (failed) return sentence(`The cluster has not grown the volume yet, and tries again: ${failed.message}`);
  return 'The cluster is growing the volume.';
}
