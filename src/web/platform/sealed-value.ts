const NONCE_BYTES = 12;
const encoder = new TextEncoder();

/**
 * AES-256-GCM under a key that the browser does not hand out, bound to the row's key: nonce, then ciphertext and tag.
 * Random nonces: one key seals far fewer than the 2^32 values for which they are safe (NIST SP 800-38D, 8.3).
 */
export async function sealValue(key: CryptoKey, row: string, value: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const iv = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  const sealed = await crypto.subtle.encrypt(
    { name: 'AES-GCM', iv, additionalData: encoder.encode(row) },
    key,
    value as Uint8Array<ArrayBuffer>,
  );
  const bytes = new Uint8Array(NONCE_BYTES + sealed.byteLength);
  bytes.set(iv);
  bytes.set(new Uint8Array(sealed), NONCE_BYTES);
  return bytes;
}

/** @throws what `crypto.subtle` throws when it was changed, or stood under another row */
export async function openValue(
  key: CryptoKey,
  row: string,
  sealed: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  const opened = await crypto.subtle.decrypt(
    { name: 'AES-GCM', iv: sealed.subarray(0, NONCE_BYTES), additionalData: encoder.encode(row) },
    key,
    sealed.subarray(NONCE_BYTES),
  );
  return new Uint8Array(opened);
}
