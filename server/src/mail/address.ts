import { z } from 'zod';

/** One plain address (RFC 5321 §4.1.2, without quotes and literals): no name, no second address, nothing that a header reads. */
const PLAIN = /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/;

export const addressSchema = z
  .string()
  .trim()
  .max(200, 'an e-mail address has at most 200 characters')
  .regex(PLAIN, 'expected one plain e-mail address, like name@example.com');

export function isAddress(text: string): boolean {
  return addressSchema.safeParse(text).success;
}
