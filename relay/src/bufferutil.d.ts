/** `bufferutil` comes without types. */
declare module 'bufferutil' {
  const bufferUtil: {
    /** XORs `buffer` in place with the four bytes of `mask`, the first byte with the first. */
    unmask(buffer: Uint8Array, mask: Uint8Array): void;
  };
  export default bufferUtil;
}
