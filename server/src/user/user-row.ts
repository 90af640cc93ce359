import type { UserId } from '@easel/schema/ids';
import type { User } from '../generated/prisma/client.ts';

export type UserRow = Omit<User, 'id'> & { id: UserId };
