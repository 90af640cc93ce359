import type { InstanceTypeId } from '@easel/schema/ids';
import type { InstanceTypeSpec } from '@easel/schema/instance-type';
import type { InstanceType } from '../generated/prisma/client.ts';

/** The row, with the shape that its spec is known to have: only this server writes it, parsed. */
export type InstanceTypeRow = Omit<InstanceType, 'id' | 'spec'> & { id: InstanceTypeId; spec: InstanceTypeSpec };
