import { z } from 'zod';
import { type Allowed, parseAllowed } from './addresses.ts';

/** Whom the server may call for people, besides the public network. */
export const outboundConfig = z
  .object({
    /**
     * Networks and hosts that are called although they are not public, or without TLS; with a port, at that one, too:
     * `10.1.0.0/16, ci.internal.example.com, ci.internal.example.com:9000`.
     */
    EASEL_OUTBOUND_ALLOWED_NETWORKS: z
      .string()
      .max(10_000)
      .default('')
      .transform((text, context): Allowed => {
        try {
          return parseAllowed(text);
        } catch (err) {
          context.addIssue({ code: 'custom', message: (err as Error).message });
          return z.NEVER;
        }
      }),
  })
  .transform(({ EASEL_OUTBOUND_ALLOWED_NETWORKS: allowed }) => ({ outbound: { allowed } }));
