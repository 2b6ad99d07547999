import { createHmac, hash } from 'node:crypto';
import { HASH_BYTES } from './hkdf.ts';
import type { HkdfSha256 } from './hkdf.ts';

/** Node's native implementation (OpenSSL). */
export const nodeHkdf: HkdfSha256 = {
  hash: (data) => new Uint8Array(hash('sha256', data, 'buffer')),
  mac: hmac,
  extract: hmac,
  expand(pseudorandomKey, info, length) {
    if (length > 255 * HASH_BYTES) throw new Error(`HKDF-SHA256 gives at most 8160 bytes, not ${length}.`);
    const output = new Uint8Array(length);
    // One piece for OpenSSL instead of two: crossing over to it costs as much as hashing so little.
    const infoAndCounter = new Uint8Array(info.length + 1);
    infoAndCounter.set(info);
    let block: Uint8Array | undefined;
    for (let counter = 1, offset = 0; offset < length; counter++, offset += HASH_BYTES) {
      infoAndCounter[info.length] = counter;
      const mac = createHmac('sha256', pseudorandomKey);
      if (block !== undefined) mac.update(block);
      block = mac.update(infoAndCounter).digest();
      output.set(block.subarray(0, length - offset), offset);
    }
    return output;
  },
};

function hmac(key: Uint8Array, data: Uint8Array): Uint8Array {
  return new Uint8Array(createHmac('sha256', key).update(data).digest());
}
