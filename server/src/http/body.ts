import type { IncomingMessage } from 'node:http';
import { AppError } from '@easel/schema/errors';

/** The whole body as text. Throws LIMIT_EXCEEDED. */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) {
      throw new AppError({ code: 'LIMIT_EXCEEDED', message: `a body has at most ${maxBytes} bytes` });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
