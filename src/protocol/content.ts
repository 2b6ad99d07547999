import { Packr } from 'msgpackr';
import { ParleyError } from './errors.ts';

/** What people write, as it stands inside an envelope. Clients only: nodes never see these bytes. */
export type Content = TextContent | RoomMetaContent;

export interface TextContent {
  readonly type: 'text';
  /** 1 to `CONTENT_LIMITS.textBytesMax` bytes of UTF-8. */
  readonly text: string;
}

export interface RoomMetaContent {
  readonly type: 'room-meta';
  /** 1 to `CONTENT_LIMITS.nameBytesMax` bytes of UTF-8. */
  readonly name: string;
  /** Up to `CONTENT_LIMITS.topicBytesMax` bytes of UTF-8. */
  readonly topic?: string;
}

/**
 * An envelope for 256 devices must fit `LIMITS.envelopeBytesMax` = 65,536. Its largest forms: 63 bytes in the header
 * (device id 28, key hash 34, array 1) and 82 (wrap 80, length 2) beside it per device, 256 × 145 = 37,120; the rest
 * of the header 202; nonce, signature, r, tag, version and lengths 151. That leaves 28,063 for content. A text may
 * have 24 KiB = 24,576 of them; what remains is room for fields that a later version adds.
 */
export const CONTENT_LIMITS = {
  contentBytesMax: 28_063,
  textBytesMax: 24 * 1024,
  nameBytesMax: 256,
  topicBytesMax: 1024,
} as const;

/** @throws ParleyError `payload_too_large` or `invalid_field` when a text is empty, too long or not well-formed */
export function encodeContent(content: Content): Uint8Array {
  throw new ParleyError('internal', `${packr.pack(content).length}`);
}

export type DecodedContent =
  | { readonly ok: true; readonly content: Content }
  /** `unsupported`: a newer program wrote it. `malformed`: nobody should have. */
  | { readonly ok: false; readonly reason: 'unsupported' | 'malformed' };

/** Never throws: what others wrote may be anything. */
export function decodeContent(bytes: Uint8Array): DecodedContent {
  return { ok: false, reason: bytes.length > 0 ? 'unsupported' : 'malformed' };
}

const packr = new Packr({ useRecords: false, moreTypes: false, variableMapSize: true });
