import bufferUtil from 'bufferutil';

/** Below this a loop here is quicker than the call into native code. */
const nativeFromBytes = 64;
const key = Buffer.allocUnsafeSlow(4);

/** Whether the native unmasking is there. Without it the relay works, and takes several times the CPU upwards. */
export const isMaskNative = /\[native code\]/.test(Function.prototype.toString.call(bufferUtil.unmask));

/** Unmasks in place. The highest byte of `mask` belongs to the first byte. Source: RFC 6455 §5.3. */
export function unmask(bytes: Buffer, at: number, length: number, mask: number): void {
  key.writeInt32BE(mask | 0);
  if (length >= nativeFromBytes) {
    bufferUtil.unmask(bytes.subarray(at, at + length), key);
    return;
  }
  for (let i = 0; i < length; i++) bytes[at + i]! ^= key[i & 3]!;
}
