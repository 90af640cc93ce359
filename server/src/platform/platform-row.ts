import type { PlatformId } from '@easel/schema/ids';
import type { PlatformFeatures, PlatformSettings } from '@easel/schema/platform-settings';
import type { Platform } from '../generated/prisma/client.ts';

type Narrowed = {
  id: PlatformId;
  settings: PlatformSettings | null;
  appliedSettings: PlatformSettings | null;
  features: PlatformFeatures | null;
  storageClasses: StorageClass[] | null;
  problems: string[];
  sshHostKeys: string[];
};
/** The row, with the shapes that its columns are known to hold: only this server writes them, parsed. */
export type PlatformRow = Omit<Platform, keyof Narrowed> & Narrowed;

export interface StorageClass {
  name: string;
  isDefault: boolean;
  canExpand: boolean;
  provisioner: string;
}
