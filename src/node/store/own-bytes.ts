/**
 * The same bytes in memory that nothing else shares. Packers and receivers cut small values out of large buffers, and
 * one value that is kept keeps all of its buffer: a cache of such values would hold many times what it counts.
 */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.length === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}
