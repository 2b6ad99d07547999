import { base64urlnopad } from '@scure/base';

/** Bytes inside JSON are base64url without padding (RFC 4648 section 5). */
export const toBase64Url = (bytes: Uint8Array): string => base64urlnopad.encode(bytes);

/** @throws when the text is not canonical base64url */
export const fromBase64Url = (text: string): Uint8Array => base64urlnopad.decode(text);
