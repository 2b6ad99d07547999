import { utf8ToBytes } from '@noble/hashes/utils.js';

/**
 * Control characters, and those that turn the direction of what follows, with which one text can be made to look like
 * another (Unicode UAX #9; the lists of Trojan Source, CVE-2021-42574).
 */
const DECEIVING = /[\p{Cc}\p{Zl}\p{Zp}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/u;

/** One line for people to read, in well-formed Unicode of at most so many bytes of UTF-8. */
export function isPlainText(text: string, bytesMax: number): boolean {
  const isShort = text.length <= bytesMax && utf8ToBytes(text).length <= bytesMax;
  return isShort && !DECEIVING.test(text) && !LONE_SURROGATE.test(text);
}

const LONE_SURROGATE = /\p{Cs}/u;
