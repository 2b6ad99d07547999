import { RING_KEY_BYTES } from './sealed-key.ts';

/** A node that was not there when a key was sealed asks another one for it: `epoch (8)`, answered with `epoch (8) ‖ key`. */
export type RingFrame = { readonly epoch: number; readonly key: Uint8Array | null };

const EPOCH_BYTES = 8;

export function encodeRingFrame({ epoch, key }: RingFrame): Uint8Array {
  const head = Buffer.alloc(EPOCH_BYTES);
  head.writeBigUInt64BE(BigInt(epoch));
  return key === null ? new Uint8Array(head) : new Uint8Array(Buffer.concat([head, key]));
}

/** Undefined for what is neither. */
export function decodeRingFrame(payload: Uint8Array): RingFrame | undefined {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  if (bytes.length !== EPOCH_BYTES && bytes.length !== EPOCH_BYTES + RING_KEY_BYTES) return undefined;
  const epoch = Number(bytes.readBigUInt64BE(0));
  if (!Number.isSafeInteger(epoch)) return undefined;
  return { epoch, key: bytes.length === EPOCH_BYTES ? null : Uint8Array.from(bytes.subarray(EPOCH_BYTES)) };
}
