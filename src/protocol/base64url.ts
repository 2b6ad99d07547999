import { base64urlnopad } from '@scure/base';

/** Bytes inside JSON are base64url without padding (RFC 4648 section 5). */
export const toBase64Url = (bytes: Uint8Array): string => base64urlnopad.encode(bytes);

/** @throws when the text is not canonical base64url */
export const fromBase64Url = (text: string): Uint8Array => base64urlnopad.decode(text);

/** Whether `fromBase64Url` takes it; at the cost of a look, however long it is. */
export const isBase64Url = (text: string): boolean => /^[A-Za-z0-9_-]*$/.test(text) && hasCanonicalEnd(text);

/**
 * Of text in this alphabet: whether an encoder makes it. The bits of the last character that carry nothing are zero
 * (RFC 4648 section 3.5).
 */
export function hasCanonicalEnd(text: string): boolean {
  switch (text.length % 4) {
    case 1:
      return false;
    case 2:
      return 'AQgw'.includes(text.at(-1)!);
    case 3:
      return 'AEIMQUYcgkosw048'.includes(text.at(-1)!);
    default:
      return true;
  }
}
